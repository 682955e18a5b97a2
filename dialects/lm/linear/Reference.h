// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The meaning of dialects/lm/linear/Linear.td as plain functions; `bias` may be null.
// Tested by test/dialects/lm/linear and test/unit/dialects/ReferenceTest.cpp.

#ifndef LMOPT_DIALECTS_LM_LINEAR_REFERENCE_H
#define LMOPT_DIALECTS_LM_LINEAR_REFERENCE_H

#include "dialects/lm/interpreter/Values.h"

namespace lmopt::lm::reference {

/// Both of f32 and of bf16 numbers: f32 holds them.
Tensor linear(const Tensor &x, const Weight &weight, const float *bias);
Tensor quantizedLinear(const Quantized &x, const Weight &weight, const float *bias);
Tensor groupedLinear(const Quantized &x, const Weight &weight, const float *bias);
Tensor codebookLinear(const Tensor &x, const Weight &weight, const float *bias);

} // namespace lmopt::lm::reference

#endif // LMOPT_DIALECTS_LM_LINEAR_REFERENCE_H
