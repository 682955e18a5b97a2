// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-split-ffn and its registration; what it does stands in SplitFfn.td.
#ifndef LMOPT_PASSES_SPLITFFN_SPLITFFN_H
#define LMOPT_PASSES_SPLITFFN_SPLITFFN_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/split-ffn/SplitFfn.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_SPLITFFN_SPLITFFN_H
