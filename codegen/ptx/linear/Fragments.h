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
//   behind them, each of round_up(outputs, 16) numbers: s8: scales f32, sums of codes i32; then the bias f32, if any
//
// What is beyond the last output or input is zero. Source: PTX ISA, matrix fragments of mma.m16n8k32 and m16n8k16;
// ptx.md 2.1. Plain numbers, no MLIR. Tested by test/unit/codegen/ptx/LinearDecodeTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_FRAGMENTS_H
#define LMOPT_CODEGEN_PTX_LINEAR_FRAGMENTS_H

#include "codegen/ptx/Rows.h"

#include <string>
#include <vector>

namespace lmopt::nvptx {

enum class WeightFormat {
  F32,   ///< f32 rows
  Bf16,  ///< bf16 rows; products exact, sums in f32
  S8Rows ///< one scale an output, u8 rows
};

/// A matrix product over rows: out[r][n] = sum_k in[r][k] W[n][k] + bias[n].
struct LinearSpec {
  int64_t outputs = 0, inputs = 0;
  WeightFormat format = WeightFormat::F32;
  bool bias = false;

  static constexpr int64_t kTile = 16;   ///< outputs
  static constexpr int64_t kSlice = 512; ///< bytes of a tile that a warp loads at once
  bool isInteger() const { return format == WeightFormat::S8Rows; }
  int64_t tiles() const { return roundUp(outputs, kTile) / kTile; }
  /// Of one input.
  int64_t numberBytes() const { return format == WeightFormat::F32 ? 4 : format == WeightFormat::Bf16 ? 2 : 1; }
  /// Bytes of a row of input, which a slice has 32 of.
  int64_t rowBytes() const { return nvptx::rowBytes(inputs, numberBytes()); }
  int64_t slices() const { return rowBytes() / 32; }
  int64_t scaleOffset() const { return tiles() * slices() * kSlice; }
  int64_t sumOffset() const { return scaleOffset() + 4 * kTile * tiles(); }
  int64_t biasOffset() const { return scaleOffset() + (isInteger() ? 2 : 0) * 4 * kTile * tiles(); }
  int64_t bytes() const { return biasOffset() + (bias ? 4 * kTile * tiles() : 0); }
};

/// A product's part in the names of kernels.
std::string wordOf(const LinearSpec &spec);

/// Numbers in rows as they come: s8, bf16 (as bits) or f32; scales for S8Rows; bias null where there is none.
struct LinearNumbers {
  const void *weights = nullptr;
  const float *scales = nullptr, *bias = nullptr;
};
std::vector<char> packFragments(const LinearSpec &spec, const LinearNumbers &numbers);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_FRAGMENTS_H
