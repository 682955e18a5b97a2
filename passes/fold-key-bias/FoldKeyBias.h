// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-fold-key-bias and its registration; what it does stands in FoldKeyBias.td.
#ifndef LMOPT_PASSES_FOLDKEYBIAS_FOLDKEYBIAS_H
#define LMOPT_PASSES_FOLDKEYBIAS_FOLDKEYBIAS_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/fold-key-bias/FoldKeyBias.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FOLDKEYBIAS_FOLDKEYBIAS_H
