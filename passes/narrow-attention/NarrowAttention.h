// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-narrow-attention and its registration; what it does stands in NarrowAttention.td.
#ifndef LMOPT_PASSES_NARROWATTENTION_NARROWATTENTION_H
#define LMOPT_PASSES_NARROWATTENTION_NARROWATTENTION_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/narrow-attention/NarrowAttention.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_NARROWATTENTION_NARROWATTENTION_H
