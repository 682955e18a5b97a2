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

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ROWS_H
