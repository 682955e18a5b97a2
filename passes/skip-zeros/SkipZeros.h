// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-skip-zeros and its registration; what it does stands in SkipZeros.td.
#ifndef LMOPT_PASSES_SKIPZEROS_SKIPZEROS_H
#define LMOPT_PASSES_SKIPZEROS_SKIPZEROS_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/skip-zeros/SkipZeros.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_SKIPZEROS_SKIPZEROS_H
