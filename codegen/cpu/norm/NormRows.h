// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row functions of lm's norms. Tested by test/unit/codegen/RowKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_NORM_NORMROWS_H
#define LMOPT_CODEGEN_CPU_NORM_NORMROWS_H

#include "codegen/RowSums.h"
#include "codegen/cpu/rows/RowFunction.h"

namespace lmopt::cpu {

/// Weights: gamma, if any.
RowFunctionRef rmsNorm(float epsilon);
/// Of each part of `width` numbers by itself; gamma, if any, is as long. See canNormHeads.
RowFunctionRef headRmsNorm(int64_t width, float epsilon);
/// Weights: gamma, and beta, if any.
RowFunctionRef layerNorm(float epsilon);
RowFunctionRef l2Normalize();

} // namespace lmopt::cpu

#endif
