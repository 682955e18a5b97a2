// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How weights of matrix products lie in a GPU's memory: in the order in which the lanes of a warp hold an operand of
// mma.sync, so that one load of 16 bytes a lane is one operand, in a row of 512 bytes. The same bytes feed decoding,
// tiles of mma.sync and, as operand in registers, wgmma.
//
//   tiles of 16 outputs; a slice is 32 bytes of each of the 16 rows
//       [outputs / 16][row bytes / 32][lane 0..31][16 bytes]            lane = 4 g + t, g = 0..7, t = 0..3
//       bytes 0-3: row g, bytes 4t.. of the slice        4-7: row g + 8, the same bytes
//       bytes 8-11: row g, bytes 16 + 4t..               12-15: row g + 8, the same bytes
//   s8: 32 inputs a slice; bf16: 16 inputs a slice
//   f32: [outputs / 16][inputs / 8][lane][16 bytes]      lane = 4 k + q: input k of eight, outputs 4q to 4q + 3
//   grouped, 8 bits (also codes of 5 and 6): as s8; 4 bits: 64 inputs a slice, whose first 32 are the low halves of
//   bytes, codes 0 to 15 where
//       there are minima, else signed ones
//   grouped, of a codebook of 4, 8 or 16 integers: numbers of entries, so that few instructions make selectors of
//       bytes of them; see Codebook.h
//   codebook of 256 f32: [outputs / 16][inputs / 32][lane][16 bytes], a number in a byte: lane = 4 k + q, byte 4 j + i:
//       input 8 j + k of 32, output 4 q + i
//   blocks (s8 without those of 16 outputs x 4 inputs that are zero): see SparseDecode.h
//   behind them, each of round_up(outputs, 16) numbers: s8: scales f32, sums of codes i32
//   grouped: [outputs / 16][groups]{16 scales f16, 16 minima f16 (if any)}; they are read by other threads than the
//       codes. Small scales: {16 u8 c, 16 u8 z}, then units f32 for each output: scale = unit c, minimum = -scale z /
//       16
//   of a codebook: its entries, 16 s8, those that there are not zero; of 256: scales f32, entries f32
//   then the bias f32, if any
//
// What is beyond the last output or input is zero. Source: PTX ISA, matrix fragments of mma.m16n8k32 and m16n8k16;
// ptx.md 2.1. Plain numbers, no MLIR. Tested by test/unit/codegen/ptx/LinearDecodeTest.cpp and GroupedDecodeTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_FRAGMENTS_H
#define LMOPT_CODEGEN_PTX_LINEAR_FRAGMENTS_H

#include "codegen/ptx/Rows.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

namespace lmopt::nvptx {

enum class WeightFormat {
  F32,      ///< f32 rows
  Bf16,     ///< bf16 rows; products exact, sums in f32
  S8Rows,   ///< one scale an output, u8 rows
  Grouped,  ///< codes of 4 or 8 bits with scales in groups, rows in the same groups (GroupedRow)
  Codebook, ///< numbers of 256 f32 entries, one scale an output, f32 rows
  Blocks    ///< as S8Rows, without the blocks of 16 outputs x 4 inputs that are zero
};

/// A matrix product over rows: out[r][n] = sum_k in[r][k] W[n][k] + bias[n].
struct LinearSpec {
  int64_t outputs = 0, inputs = 0;
  WeightFormat format = WeightFormat::F32;
  bool bias = false;
  int64_t bits = 0, group = 0; ///< Grouped: 4 or 8, of a codebook 2, 3 or 4; inputs of a group
  bool hasMin = false;         ///< Grouped
  bool smallScales = false;    ///< Grouped with minima: scales and minima in 8 bits
  bool codebook = false;       ///< Grouped: codes are numbers of entries
  int64_t stored = 0;          ///< Blocks: how many there are; an argument of the kernel

  static constexpr int64_t kTile = 16;   ///< outputs
  static constexpr int64_t kSlice = 512; ///< bytes of a tile that a warp loads at once
  bool isBlocks() const { return format == WeightFormat::Blocks; }
  bool isInteger() const { return format == WeightFormat::S8Rows || isBlocks(); } ///< one exact sum an output
  bool isCodebook() const { return format == WeightFormat::Codebook; }
  bool isGrouped() const { return format == WeightFormat::Grouped; }
  /// Arrays that an operand has: rows; codes, their scales and zero points; codes and the numbers of their groups.
  int64_t partsOfRows() const { return isInteger() ? 3 : isGrouped() ? 2 : 1; }
  int64_t tiles() const { return roundUp(outputs, kTile) / kTile; }
  int64_t groups() const { return inputs / group; } ///< of an output
  /// Of one input.
  int64_t numberBytes() const {
    return format == WeightFormat::F32 || isCodebook() ? 4 : format == WeightFormat::Bf16 ? 2 : 1;
  }
  /// Bytes of a row of input.
  int64_t rowBytes() const { return nvptx::rowBytes(inputs, numberBytes()); }
  /// Bytes of a row of input that a slice goes with.
  int64_t sliceBytes() const {
    return isCodebook() || (isGrouped() && bits < 4) ? 128 : isGrouped() && bits == 4 ? 64 : 32;
  }
  int64_t slices() const { return roundUp(rowBytes(), sliceBytes()) / sliceBytes(); }
  /// Grouped, 3 bits: the third ones, half as many bytes a slice.
  int64_t upperOffset() const { return tiles() * slices() * kSlice; }
  int64_t scaleOffset() const {
    return isBlocks() ? 0 : upperOffset() + (isGrouped() && bits == 3 ? tiles() * slices() * kSlice / 2 : 0);
  }
  int64_t sumOffset() const { return scaleOffset() + 4 * kTile * tiles(); }
  /// Grouped: scales, and minima, of a tile and group; where the minima are among them.
  int64_t scaleBytes() const { return minOffset() * (hasMin ? 2 : 1); }
  int64_t minOffset() const { return (smallScales ? 1 : 2) * kTile; }
  int64_t unitOffset() const { return scaleOffset() + tiles() * groups() * scaleBytes(); } ///< smallScales
  /// The entries of a codebook.
  int64_t tableOffset() const { return isCodebook() ? scaleOffset() + 4 * kTile * tiles() : unitOffset(); }
  int64_t tableBytes() const { return isCodebook() ? 1024 : codebook ? 16 : 0; }
  int64_t biasOffset() const {
    int64_t ofOutputs = 4 * kTile * tiles();
    if (isCodebook() || codebook)
      return tableOffset() + tableBytes();
    return isGrouped() ? unitOffset() + (smallScales ? ofOutputs : 0)
                       : scaleOffset() + (isInteger() ? 2 : 0) * ofOutputs;
  }
  int64_t endOfOutputs() const { return biasOffset() + (bias ? 4 * kTile * tiles() : 0); }
  /// Blocks: what a slice has of them, then they themselves.
  int64_t slicesOffset() const { return roundUp(endOfOutputs(), 32); }
  int64_t slicesOfTile() const { return roundUp(slices(), 4); } ///< whole sectors of memory
  int64_t blocksOffset() const { return roundUp(slicesOffset() + 8 * tiles() * slicesOfTile(), 64); }
  int64_t bytes() const { return isBlocks() ? blocksOffset() + 64 * std::max<int64_t>(stored, 1) : endOfOutputs(); }
  bool operator==(const LinearSpec &other) const {
    auto parts = [](const LinearSpec &s) {
      return std::tie(s.outputs, s.inputs, s.format, s.bias, s.bits, s.group, s.hasMin, s.smallScales, s.codebook,
                      s.stored);
    };
    return parts(*this) == parts(other);
  }
};

/// A product's part in the names of kernels.
std::string wordOf(const LinearSpec &spec);

/// Numbers in rows as they come: s8 (of groups, too), bf16 (as bits) or f32; scales for S8Rows; scales and minima of
/// Grouped [outputs][groups], units of outputs where scales are small; bias; entries of a codebook; null what there is
/// not.
struct LinearNumbers {
  const void *weights = nullptr;
  const float *scales = nullptr, *bias = nullptr, *minima = nullptr, *units = nullptr, *table = nullptr;
};
std::vector<char> packFragments(const LinearSpec &spec, const LinearNumbers &numbers);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_FRAGMENTS_H
