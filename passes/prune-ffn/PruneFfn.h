// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-prune-ffn and its registration; what it does stands in PruneFfn.td.
#ifndef LMOPT_PASSES_PRUNEFFN_PRUNEFFN_H
#define LMOPT_PASSES_PRUNEFFN_PRUNEFFN_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/prune-ffn/PruneFfn.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_PRUNEFFN_PRUNEFFN_H
