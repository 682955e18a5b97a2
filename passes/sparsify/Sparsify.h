// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-sparsify and its registration; what it does stands in Sparsify.td.
#ifndef LMOPT_PASSES_SPARSIFY_SPARSIFY_H
#define LMOPT_PASSES_SPARSIFY_SPARSIFY_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/sparsify/Sparsify.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_SPARSIFY_SPARSIFY_H
