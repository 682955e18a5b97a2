// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-expand-attention and its registration; what it does stands in ExpandAttention.td.
#ifndef LMOPT_PASSES_EXPANDATTENTION_EXPANDATTENTION_H
#define LMOPT_PASSES_EXPANDATTENTION_EXPANDATTENTION_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/expand-attention/ExpandAttention.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_EXPANDATTENTION_EXPANDATTENTION_H
