// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-quantize-weights and its registration; what it does stands in QuantizeWeights.td.
#ifndef LMOPT_PASSES_QUANTIZEWEIGHTS_QUANTIZEWEIGHTS_H
#define LMOPT_PASSES_QUANTIZEWEIGHTS_QUANTIZEWEIGHTS_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/quantize-weights/QuantizeWeights.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_QUANTIZEWEIGHTS_QUANTIZEWEIGHTS_H
