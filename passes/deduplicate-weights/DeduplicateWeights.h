// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-deduplicate-weights and its registration; what it does stands in DeduplicateWeights.td.
#ifndef LMOPT_PASSES_DEDUPLICATEWEIGHTS_DEDUPLICATEWEIGHTS_H
#define LMOPT_PASSES_DEDUPLICATEWEIGHTS_DEDUPLICATEWEIGHTS_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/deduplicate-weights/DeduplicateWeights.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_DEDUPLICATEWEIGHTS_DEDUPLICATEWEIGHTS_H
