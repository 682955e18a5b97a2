// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-low-rank-attention and its registration; what it does stands in LowRankAttention.td.
#ifndef LMOPT_PASSES_LOWRANKATTENTION_LOWRANKATTENTION_H
#define LMOPT_PASSES_LOWRANKATTENTION_LOWRANKATTENTION_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/low-rank-attention/LowRankAttention.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_LOWRANKATTENTION_LOWRANKATTENTION_H
