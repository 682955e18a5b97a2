// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The meaning of dialects/lm/pooling/Pooling.td as a plain function.
// Tested by test/dialects/lm/pooling and test/unit/dialects/ReferenceTest.cpp.

#ifndef LMOPT_DIALECTS_LM_POOLING_REFERENCE_H
#define LMOPT_DIALECTS_LM_POOLING_REFERENCE_H

#include "dialects/lm/Kinds.h"
#include "dialects/lm/interpreter/Values.h"

namespace lmopt::lm::reference {

Tensor pool(const Tensor &x, const Tensor &lengths, const std::vector<Pooling> &poolings);

} // namespace lmopt::lm::reference

#endif // LMOPT_DIALECTS_LM_POOLING_REFERENCE_H
