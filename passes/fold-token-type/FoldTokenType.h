// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-fold-token-type and its registration; what it does stands in FoldTokenType.td.
#ifndef LMOPT_PASSES_FOLDTOKENTYPE_FOLDTOKENTYPE_H
#define LMOPT_PASSES_FOLDTOKENTYPE_FOLDTOKENTYPE_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/fold-token-type/FoldTokenType.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FOLDTOKENTYPE_FOLDTOKENTYPE_H
