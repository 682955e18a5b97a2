// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-fold-norm-affine and its registration; what it does stands in FoldNormAffine.td.
#ifndef LMOPT_PASSES_FOLDNORMAFFINE_FOLDNORMAFFINE_H
#define LMOPT_PASSES_FOLDNORMAFFINE_FOLDNORMAFFINE_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/fold-norm-affine/FoldNormAffine.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FOLDNORMAFFINE_FOLDNORMAFFINE_H
