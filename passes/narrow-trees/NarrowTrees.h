// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-narrow-trees and its registration; what it does stands in NarrowTrees.td.
#ifndef LMOPT_PASSES_NARROWTREES_NARROWTREES_H
#define LMOPT_PASSES_NARROWTREES_NARROWTREES_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/narrow-trees/NarrowTrees.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_NARROWTREES_NARROWTREES_H
