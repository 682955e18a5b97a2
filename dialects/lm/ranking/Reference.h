// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The meaning of dialects/lm/ranking/Ranking.td as a plain function; `bias` may be null.
// Tested by test/dialects/lm/ranking.

#ifndef LMOPT_DIALECTS_LM_RANKING_REFERENCE_H
#define LMOPT_DIALECTS_LM_RANKING_REFERENCE_H

#include "dialects/lm/interpreter/Values.h"

namespace lmopt::lm::reference {

/// The `count` greatest numbers of each row of x W^T + b; the others are -infinity.
Tensor topLinear(const Tensor &x, const Weight &weight, const float *bias, int64_t count);

} // namespace lmopt::lm::reference

#endif // LMOPT_DIALECTS_LM_RANKING_REFERENCE_H
