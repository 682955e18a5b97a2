// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares verify-lm-optimized and its registration; what it does stands in VerifyOptimized.td.
#ifndef LMOPT_PASSES_VERIFYOPTIMIZED_VERIFYOPTIMIZED_H
#define LMOPT_PASSES_VERIFYOPTIMIZED_VERIFYOPTIMIZED_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/verify-optimized/VerifyOptimized.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_VERIFYOPTIMIZED_VERIFYOPTIMIZED_H
