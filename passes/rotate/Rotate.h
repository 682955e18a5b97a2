// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-rotate and its registration; what it does stands in Rotate.td.
#ifndef LMOPT_PASSES_ROTATE_ROTATE_H
#define LMOPT_PASSES_ROTATE_ROTATE_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/rotate/Rotate.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_ROTATE_ROTATE_H
