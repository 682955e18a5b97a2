// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What attention over a cache of keys and values is for a GPU, and how the cache lies in its memory. Plain numbers, no
// MLIR.
//
//   cache of a sequence: blocks of 64 positions one after another, each of so many bytes as the whole model has for 64
//       positions: what a sequence has not reached needs no memory. Within a block the layers follow one another, a
//       layer's keys and then its values:
//         f32, bf16: [kv head][64][width], bf16 rounded to nearest, ties to even; of values their own width
//       Layers that keep the latest positions only are rings of blocks: block b is where b modulo their number is. A
//       block that the rings have is so many bytes longer, and there they lie behind the other layers; blocks beyond
//       have these alone:
//         | all, rings | all, rings | all | all | ...      with rings of two blocks
//         i8:        [kv head]{[64][width] u8 = code + 128, [64] f32 scale}; code = round(x / scale), scale = max |x| /
//                    127 of each position and head, as codegen/cpu/attention has it
//   angles: [positions][rotary / 2][cos, sin] f32; where there is a switch, a second table follows, for rows whose
//       `rope` is 1
//   rows: lmopt_device_row_t of lmopt/abi.h
//
// Source: ptx.md 2.2. Tested by test/unit/codegen/ptx/AttendRowsTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_ATTENTIONSPEC_H
#define LMOPT_CODEGEN_PTX_ATTENTION_ATTENTIONSPEC_H

#include "codegen/PositionBias.h"

#include "lmopt/abi.h"

#include <algorithm>
#include <vector>

namespace lmopt::nvptx {

/// How keys and values are kept. Scores and sums are f32 with each; queries and weights, too, but with bf16.
enum class CacheFormat { F32, Bf16, I8 };

using lmopt::PositionBias;

struct AttentionSpec {
  int64_t heads = 0, kvHeads = 0, width = 0; ///< width of a head: a multiple of 8 (i8: of 16), at most 256
  int64_t rotary = 0;                        ///< numbers of a head that are turned, halves apart; 0: none
  float scale = 1;                           ///< of scores
  CacheFormat format = CacheFormat::F32;
  int64_t positions = 0;            ///< rows of a table of angles; needed where there are two
  int64_t ropeSwitchPositions = 0;  ///< not 0: there are two
  int64_t otherValueWidth = 0;      ///< of a head of values and results where it is not `width`; the same bounds
  std::vector<int64_t> groups = {}; ///< how many query heads read each kv head, where they differ; else empty

  PositionBias bias = PositionBias::None; ///< kernels that attend have one more argument, the last, with it
  int64_t largestDistance = 0;            ///< of PositionBias::Distances
  bool isBiased() const { return bias != PositionBias::None; }

  int64_t ringBlocks = 0;     ///< of the rings of the model; 0: it has none
  bool inRing = false;        ///< this layer is one
  int64_t ringBlockBytes = 0; ///< of all rings in a block; layers that are none need it

  float softCap = 0;  ///< of scores; 0: none
  int64_t window = 0; ///< the last positions that a row sees, of an encoder how far both ways; 0: all

  // Encoders: the keys and values of a segment become few rows; see ProjectRows.h.
  int64_t projectedRows = 0;      ///< at most, or always; 0: they stay
  bool projectionLearned = false; ///< by matrices, always so many; else means of neighbours, at most so many
  int64_t projectionColumns = 0;  ///< of the matrices: for projectRowsKernel

  static constexpr int64_t kThreads = 256;
  static constexpr int64_t kBlock = LMOPT_DEVICE_CACHE_BLOCK;
  static constexpr int64_t kPartBlocks = 4; ///< that a block of threads attends to
  bool isEven() const { return groups.empty(); }
  /// Query heads that read one kv head; where they differ, the most.
  int64_t group() const { return isEven() ? heads / kvHeads : *std::max_element(groups.begin(), groups.end()); }
  int64_t valueWidth() const { return otherValueWidth ? otherValueWidth : width; }
  int64_t elementBytes() const { return format == CacheFormat::F32 ? 4 : format == CacheFormat::Bf16 ? 2 : 1; }
  bool isCodes() const { return format == CacheFormat::I8; }
  int64_t scaleBytes() const { return isCodes() ? 4 : 0; }
  /// Of one kv head in a block.
  int64_t keyBlockBytes() const { return kBlock * (width * elementBytes() + scaleBytes()); }
  int64_t valueBlockBytes() const { return kBlock * (valueWidth() * elementBytes() + scaleBytes()); }
  /// Of this layer.
  int64_t cacheBytesPerPosition() const { return kvHeads * (keyBlockBytes() + valueBlockBytes()) / kBlock; }
  /// A part of a row and head: the numbers, the greatest score, the sum of weights.
  int64_t partFloats() const { return valueWidth() + 2; }
  /// Parts of a row at this position.
  static int64_t partsAt(int64_t position) { return position / (kBlock * kPartBlocks) + 1; }
  /// Of the scratch in which rows leave their parts.
  int64_t partsBytes(int64_t rows, int64_t mostParts) const { return 4 * rows * heads * mostParts * partFloats(); }
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_ATTENTIONSPEC_H
