// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-latent-attention and its registration; what it does stands in LatentAttention.td.
#ifndef LMOPT_PASSES_LATENTATTENTION_LATENTATTENTION_H
#define LMOPT_PASSES_LATENTATTENTION_LATENTATTENTION_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/latent-attention/LatentAttention.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_LATENTATTENTION_LATENTATTENTION_H
