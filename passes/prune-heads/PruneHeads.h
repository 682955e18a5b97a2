// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-prune-heads and its registration; what it does stands in PruneHeads.td.
#ifndef LMOPT_PASSES_PRUNEHEADS_PRUNEHEADS_H
#define LMOPT_PASSES_PRUNEHEADS_PRUNEHEADS_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/prune-heads/PruneHeads.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_PRUNEHEADS_PRUNEHEADS_H
