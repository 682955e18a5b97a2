// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-shorten-vocabulary and its registration, and the rewrite for who has the tokens at hand (`lmopt compile
// --shortlist`); what it does stands in ShortenVocabulary.td.
#ifndef LMOPT_PASSES_SHORTENVOCABULARY_SHORTENVOCABULARY_H
#define LMOPT_PASSES_SHORTENVOCABULARY_SHORTENVOCABULARY_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/shorten-vocabulary/ShortenVocabulary.h.inc"

/// Leaves the model these tokens, which become 0, 1, 2, ...; an error, with the module as it was, where that cannot be.
mlir::LogicalResult shortenVocabulary(mlir::ModuleOp module, llvm::ArrayRef<int64_t> kept);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_SHORTENVOCABULARY_SHORTENVOCABULARY_H
