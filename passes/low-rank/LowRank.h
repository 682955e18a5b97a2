// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-low-rank and its registration; what it does stands in LowRank.td.
#ifndef LMOPT_PASSES_LOWRANK_LOWRANK_H
#define LMOPT_PASSES_LOWRANK_LOWRANK_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/low-rank/LowRank.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_LOWRANK_LOWRANK_H
