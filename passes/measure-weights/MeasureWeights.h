// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-measure-weights and its registration; what it does stands in MeasureWeights.td.
#ifndef LMOPT_PASSES_MEASUREWEIGHTS_MEASUREWEIGHTS_H
#define LMOPT_PASSES_MEASUREWEIGHTS_MEASUREWEIGHTS_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/measure-weights/MeasureWeights.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_MEASUREWEIGHTS_MEASUREWEIGHTS_H
