// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-normalize-rope and its registration; what it does stands in NormalizeRope.td.
#ifndef LMOPT_PASSES_NORMALIZEROPE_NORMALIZEROPE_H
#define LMOPT_PASSES_NORMALIZEROPE_NORMALIZEROPE_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/normalize-rope/NormalizeRope.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_NORMALIZEROPE_NORMALIZEROPE_H
