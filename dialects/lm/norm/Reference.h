// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The meaning of dialects/lm/norm/Norm.td as plain functions; `weight` and `bias` may be null.
// Tested by test/dialects/lm/norm and test/unit/dialects/ReferenceTest.cpp.

#ifndef LMOPT_DIALECTS_LM_NORM_REFERENCE_H
#define LMOPT_DIALECTS_LM_NORM_REFERENCE_H

#include "dialects/lm/interpreter/Values.h"

namespace lmopt::lm::reference {

/// Of each of the `heads` equal parts of a row by itself.
Tensor rmsNorm(Tensor x, const float *weight, double eps, int64_t heads = 1);
Tensor layerNorm(Tensor x, const float *weight, const float *bias, double eps);
Tensor l2Normalize(Tensor x);

} // namespace lmopt::lm::reference

#endif // LMOPT_DIALECTS_LM_NORM_REFERENCE_H
