// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-narrow-weights and its registration; what it does stands in NarrowWeights.td.
#ifndef LMOPT_PASSES_NARROWWEIGHTS_NARROWWEIGHTS_H
#define LMOPT_PASSES_NARROWWEIGHTS_NARROWWEIGHTS_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/narrow-weights/NarrowWeights.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_NARROWWEIGHTS_NARROWWEIGHTS_H
