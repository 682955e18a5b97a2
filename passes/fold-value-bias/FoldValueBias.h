// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-fold-value-bias and its registration; what it does stands in FoldValueBias.td.
#ifndef LMOPT_PASSES_FOLDVALUEBIAS_FOLDVALUEBIAS_H
#define LMOPT_PASSES_FOLDVALUEBIAS_FOLDVALUEBIAS_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/fold-value-bias/FoldValueBias.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FOLDVALUEBIAS_FOLDVALUEBIAS_H
