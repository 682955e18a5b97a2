// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-fold-attention-scale and its registration; what it does stands in FoldAttentionScale.td.
#ifndef LMOPT_PASSES_FOLDATTENTIONSCALE_FOLDATTENTIONSCALE_H
#define LMOPT_PASSES_FOLDATTENTIONSCALE_FOLDATTENTIONSCALE_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/fold-attention-scale/FoldAttentionScale.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FOLDATTENTIONSCALE_FOLDATTENTIONSCALE_H
