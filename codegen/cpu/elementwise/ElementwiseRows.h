// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row functions of lm's elementwise ops. Tested by test/unit/codegen/RowKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_ELEMENTWISE_ELEMENTWISEROWS_H
#define LMOPT_CODEGEN_CPU_ELEMENTWISE_ELEMENTWISEROWS_H

#include "codegen/cpu/rows/RowFunction.h"
#include "dialects/lm/Kinds.h"

namespace lmopt::cpu {

RowFunctionRef add();
/// Weights: the bias.
RowFunctionRef biasAdd();
/// `for8Bits`: the result is only quantized to 8 bits, or rounded to bf16: GELU and SiLU by their shorter formulas.
RowFunctionRef activation(Activation kind, bool for8Bits);
/// The activation of operand 0, times operand 1.
RowFunctionRef gatedProduct(Activation kind, bool for8Bits);
/// cap tanh(x / cap)
RowFunctionRef softCap(float cap);

} // namespace lmopt::cpu

#endif
