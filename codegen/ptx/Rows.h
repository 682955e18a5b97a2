// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How rows of numbers lie in a GPU's memory between kernels: in whole sectors of 32 bytes, which is what memory hands
// out and what a slice of weights has of a row. Beyond the width floats and halves are zero. Plain numbers, no MLIR.
// Source: ptx.md 2.2. Tested by test/unit/codegen/ptx.
#ifndef LMOPT_CODEGEN_PTX_ROWS_H
#define LMOPT_CODEGEN_PTX_ROWS_H

#include <cstdint>

namespace lmopt::nvptx {

constexpr int64_t roundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

/// Bytes of a row of so many numbers, each of `bytes`: 4 of f32, 2 of bf16, 1 of codes.
constexpr int64_t rowBytes(int64_t width, int64_t bytes) { return roundUp(width * bytes, 32); }

/// Rows of s8 codes in groups, with the numbers of cpu::GroupedRow: codes as above; for each group its scale s and s A
/// (f32), A the sum of its codes.
struct GroupedRow {
  static constexpr int64_t kGroupBytes = 8; ///< of the two numbers of a group
  int64_t width = 0, group = 0;
  int64_t groups() const { return width / group; }
  int64_t codeBytes() const { return rowBytes(width, 1); }
  int64_t groupsBytes() const { return rowBytes(groups(), kGroupBytes); } ///< from one row to the next
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ROWS_H
