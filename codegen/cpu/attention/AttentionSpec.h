// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention over a cache of keys and values: what one is, how the cache and the table of turns lie in memory, and the
// kernels.
//
//   cache    for each layer, dv = round_up(width of a value head, 16):
//            f32:  keys [kv head][capacity / 16][head_dim][16],         values [kv head][capacity][dv]
//            bf16: keys [kv head][capacity / 16][head_dim / 2][16][2],  values [kv head][capacity / 2][dv][2]
//            (pairs of dimensions, pairs of positions: what one bf16 dot instruction multiplies)
//            i8:   keys   [kv head][capacity / 16]{[K4 / 4][16][4] u8 = code + 128, [16] f32 scale},
//                  K4 = round_up(head_dim, 4)
//                  values [kv head][capacity / 16]{[4][dv][4] s8 code, [16] f32 scale}
//            (fours of dimensions, fours of positions: what one u8 x s8 dot instruction multiplies)
//            A ring has no more than min(capacity, its positions) in the place of the capacity, position p where p
//            modulo that number is; rings lie behind the layers that keep all positions. The lines (64 bytes) of four
//            neighbouring panels of keys alternate, where the capacity has all four: one stream of memory for the tile
//            that multiplies them.
//
// Tested by test/unit/codegen/AttentionKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_ATTENTION_ATTENTIONSPEC_H
#define LMOPT_CODEGEN_CPU_ATTENTION_ATTENTIONSPEC_H

#include "codegen/PositionBias.h"
#include "codegen/cpu/Rows.h"

#include <string>
#include <vector>

namespace lmopt::cpu {

class KernelLibrary;

/// How keys and values are kept, and with that what attention multiplies.
enum class CacheFormat {
  F32,
  Bf16, ///< queries and softmax weights as bf16, too; sums in f32; head_dim must be even
  I8    ///< codes of 8 bits and one scale for each position and kv head; queries and weights in 16 bits, exact sums
};

using lmopt::PositionBias; ///< its tables lie as DistanceRows

/// A row for each head: [16][2 D + 1][16 and more] f32, the numbers of the distances -D to D with copies of the first
/// before them and of the last behind: 16 neighbouring distances are one load, wherever it begins.
struct DistanceRows {
  int64_t largest = 0; ///< D
  int64_t columns() const { return 2 * largest + 1; }
  int64_t bytes() const { return floatRowBytes(columns() + 2 * kLanes); }
  int64_t middle() const { return 4 * (kLanes + largest); } ///< where the number of distance 0 is
};

/// Attention of one layer over the cache. RoPE turns pairs (i, i + ropeDims / 2) of the first ropeDims of each head.
struct AttentionSpec {
  int64_t heads = 0, kvHeads = 0, headDim = 0;
  std::vector<int64_t> groups; ///< how many query heads read each kv head, where they differ; else empty
  int64_t otherValueDim = 0;   ///< width of a head of values and results where it is not headDim
  float scale = 1;
  float softCap = 0; ///< of scores; 0: none
  PositionBias bias = PositionBias::None;
  int64_t largestDistance = 0; ///< of PositionBias::Distances
  bool causal = true;
  int64_t window = 0;           ///< the last positions that a row sees, or, not causal, how far both ways; 0: all
  int64_t ringPositions = 0;    ///< the cache keeps the latest so many, whole blocks of attention; 0: all
  int64_t bytesBeforeRings = 0; ///< for each position of the capacity
  int64_t ropeDims = 0;         ///< 0: none
  CacheFormat format = CacheFormat::F32;
  int64_t projectedRows = 0;      ///< the keys and values of a sequence become so many rows; 0: they stay
  bool projectionLearned = false; ///< by matrices, always so many; else means, at most so many
  int64_t projectionColumns = 0;  ///< of the matrices, where they are given: for projectKernel
  bool bf16() const { return format == CacheFormat::Bf16; }
  bool integer() const { return format == CacheFormat::I8; }
  int64_t keyDim() const { return integer() ? roundUp(headDim, 4) : headDim; }
  int64_t valueHeadDim() const { return otherValueDim ? otherValueDim : headDim; }
  int64_t valueDim() const { return roundUp(valueHeadDim(), kLanes); }
  int64_t elementBytes() const { return integer() ? 1 : bf16() ? 2 : 4; }
  int64_t scaleBytes() const { return integer() ? 4 : 0; }
  int64_t keyBytes() const { return elementBytes() * keyDim() + scaleBytes(); } ///< per position and kv head
  int64_t valueBytes() const { return elementBytes() * valueDim() + scaleBytes(); }
  int64_t cacheBytesPerPosition() const { return kvHeads * (keyBytes() + valueBytes()); }
  /// Learned rows may be more than a sequence has positions: they lie in its state, in the same order.
  bool inState() const { return projectionLearned; }
  int64_t stateCapacity() const { return roundUp(projectedRows, kLanes); }
  int64_t stateBytesPerSequence() const { return stateCapacity() * cacheBytesPerPosition(); }
  DistanceRows distances() const { return {largestDistance}; }
  /// Of what the bias needs for one head.
  int64_t biasBytes() const { return bias == PositionBias::Slopes ? 4 : distances().bytes(); }
  bool isEven() const { return groups.empty(); }
  int64_t group() const { return heads / kvHeads; } ///< query heads that read one kv head, where isEven()
  int64_t scratchBytes() const;                     ///< per thread, of attendKernel
  int64_t projectScratchBytes() const;              ///< per thread, of projectKernel
};

/// Table of turns for RoPE: cos and sin of position = 64 * high + low are products of two small tables.
///   [64][D] cos low, [64][D] sin low, [H][D] cos high, [H][D] sin high, D = round_up(ropeDims / 2, 16)
/// Where angles depend on the length of the sequence, a second one of the same size follows, for those longer than
/// `switchPositions`; lmopt_segment_t.rope chooses.
struct RopeTable {
  static constexpr int64_t kLow = 64;
  int64_t halfDims = 0, positions = 0;
  int64_t switchPositions = 0; ///< 0: one table for all lengths
  int64_t rowBytes() const { return floatRowBytes(halfDims); }
  int64_t highRows() const { return (positions + kLow - 1) / kLow; }
  int64_t oneTableBytes() const { return 2 * (kLow + highRows()) * rowBytes(); }
  int64_t tables() const { return switchPositions ? 2 : 1; }
  int64_t bytes() const { return tables() * oneTableBytes(); }
};

/// (keys, values, rope, rowInfo, layerOffset, rowBegin, rowEnd, thread, threads): stores rotated keys and the values
/// into the cache. `splitHeads`: every thread walks all rows but takes only the pairs (row, kv head) whose turn is
/// its own.
std::string storeKernel(KernelLibrary &kernels, const AttentionSpec &spec, const RopeTable &table, bool splitHeads);
/// (keys, values, keyMatrix, valueMatrix, scratch, step, layerOffset, thread, threads): stores what the keys and values
/// of each sequence become, row by row of the result; without rope. The matrices, [projectedRows][projectionColumns]
/// floats in padded rows, are read only where the projection is learned. Work is dealt out in turns by (segment, kv
/// head, block of rows).
std::string projectKernel(KernelLibrary &kernels, const AttentionSpec &spec);
/// (queries, out, rope, rowInfo, scratch, step, layerOffset, thread, threads): attention of all rows. Work is dealt
/// out in turns by (segment, head, block of rows), or, with `splitHeads`, by (row, kv head) as storeKernel does. With a
/// bias one more argument: slopes, or DistanceRows.
std::string attendKernel(KernelLibrary &kernels, const AttentionSpec &spec, const RopeTable &table, bool splitHeads);

} // namespace lmopt::cpu

#endif
