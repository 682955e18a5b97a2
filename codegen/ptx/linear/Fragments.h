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
//   grouped, 8 bits: as s8; 4 bits: 64 inputs a slice, whose first 32 are the low halves of bytes, codes 0 to 15 where
//       there are minima, else signed ones
//   behind them, each of round_up(outputs, 16) numbers: s8: scales f32, sums of codes i32
//   grouped: [outputs / 16][groups]{16 scales f16, 16 minima f16 (if any)}; they are read by other threads than the
//       codes. Small scales: {16 u8 c, 16 u8 z}, then units f32 for each output: scale = unit c, minimum = -scale z /
//       16
//   then the bias f32, if any
//
// What is beyond the last output or input is zero. Source: PTX ISA, matrix fragments of mma.m16n8k32 and m16n8k16;
// ptx.md 2.1. Plain numbers, no MLIR. Tested by test/unit/codegen/ptx/LinearDecodeTest.cpp and GroupedDecodeTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_FRAGMENTS_H
#define LMOPT_CODEGEN_PTX_LINEAR_FRAGMENTS_H

#include "codegen/ptx/Rows.h"

#include <string>
#include <tuple>
#include <vector>

namespace lmopt::nvptx {

enum class WeightFormat {
  F32,    ///< f32 rows
  Bf16,   ///< bf16 rows; products exact, sums in f32
  S8Rows, ///< one scale an output, u8 rows
  Grouped ///< codes of 4 or 8 bits with scales in groups, rows in the same groups (GroupedRow)
};

/// A matrix product over rows: out[r][n] = sum_k in[r][k] W[n][k] + bias[n].
struct LinearSpec {
  int64_t outputs = 0, inputs = 0;
  WeightFormat format = WeightFormat::F32;
  bool bias = false;
  int64_t bits = 0, group = 0; ///< Grouped: 4 or 8; inputs of a group
  bool hasMin = false;         ///< Grouped, 4 bits
  bool smallScales = false;    ///< Grouped with minima: scales and minima in 8 bits

  static constexpr int64_t kTile = 16;                              ///< outputs
  static constexpr int64_t kSlice = 512;                            ///< bytes of a tile that a warp loads at once
  bool isInteger() const { return format == WeightFormat::S8Rows; } ///< one exact sum an output
  bool isGrouped() const { return format == WeightFormat::Grouped; }
  int64_t tiles() const { return roundUp(outputs, kTile) / kTile; }
  int64_t groups() const { return inputs / group; } ///< of an output
  /// Of one input.
  int64_t numberBytes() const { return format == WeightFormat::F32 ? 4 : format == WeightFormat::Bf16 ? 2 : 1; }
  /// Bytes of a row of input.
  int64_t rowBytes() const { return nvptx::rowBytes(inputs, numberBytes()); }
  /// Bytes of a row of input that a slice goes with.
  int64_t sliceBytes() const { return isGrouped() && bits == 4 ? 64 : 32; }
  int64_t slices() const { return roundUp(rowBytes(), sliceBytes()) / sliceBytes(); }
  int64_t scaleOffset() const { return tiles() * slices() * kSlice; }
  int64_t sumOffset() const { return scaleOffset() + 4 * kTile * tiles(); }
  /// Grouped: scales, and minima, of a tile and group; where the minima are among them.
  int64_t scaleBytes() const { return minOffset() * (hasMin ? 2 : 1); }
  int64_t minOffset() const { return (smallScales ? 1 : 2) * kTile; }
  int64_t unitOffset() const { return scaleOffset() + tiles() * groups() * scaleBytes(); } ///< smallScales
  int64_t biasOffset() const {
    int64_t ofOutputs = 4 * kTile * tiles();
    return isGrouped() ? unitOffset() + (smallScales ? ofOutputs : 0)
                       : scaleOffset() + (isInteger() ? 2 : 0) * ofOutputs;
  }
  int64_t bytes() const { return biasOffset() + (bias ? 4 * kTile * tiles() : 0); }
  bool operator==(const LinearSpec &other) const {
    auto parts = [](const LinearSpec &s) {
      return std::tie(s.outputs, s.inputs, s.format, s.bias, s.bits, s.group, s.hasMin, s.smallScales);
    };
    return parts(*this) == parts(other);
  }
};

/// A product's part in the names of kernels.
std::string wordOf(const LinearSpec &spec);

/// Numbers in rows as they come: s8 (of groups, too), bf16 (as bits) or f32; scales for S8Rows; scales and minima of
/// Grouped [outputs][groups], units of outputs where scales are small; bias; null what there is not.
struct LinearNumbers {
  const void *weights = nullptr;
  const float *scales = nullptr, *bias = nullptr, *minima = nullptr, *units = nullptr;
};
std::vector<char> packFragments(const LinearSpec &spec, const LinearNumbers &numbers);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_FRAGMENTS_H
