// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-project-attention and its registration; what it does stands in ProjectAttention.td.
#ifndef LMOPT_PASSES_PROJECTATTENTION_PROJECTATTENTION_H
#define LMOPT_PASSES_PROJECTATTENTION_PROJECTATTENTION_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/project-attention/ProjectAttention.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_PROJECTATTENTION_PROJECTATTENTION_H
