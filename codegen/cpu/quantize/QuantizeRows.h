// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row functions of lm's quantization of activations, and of the rotation before it. How rows of codes lie in memory is
// in Rows.h. Tested by test/unit/codegen/RowQuantizeTest.cpp and GroupedKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_QUANTIZE_QUANTIZEROWS_H
#define LMOPT_CODEGEN_CPU_QUANTIZE_QUANTIZEROWS_H

#include "codegen/CodeRange.h"
#include "codegen/cpu/rows/RowFunction.h"

namespace lmopt::cpu {

/// To u8 codes with a scale and a zero point for the row.
RowFunctionRef quantizeDynamic();
using lmopt::CodeRange;
/// To u8 codes of the range, each row with the same scale and zero point.
RowFunctionRef quantizeStatic(const CodeRange &range);
/// To the numbers that such codes stand for.
RowFunctionRef fakeQuantize(const CodeRange &range);
/// To s8 codes in groups: GroupedRow.
RowFunctionRef quantizeGroups(int64_t group);
/// To bf16.
RowFunctionRef narrow();
/// Blocks of `block` numbers (a power of two) times the orthonormal Hadamard matrix.
RowFunctionRef rotate(int64_t block);

} // namespace lmopt::cpu

#endif
