// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-drop-layers and its registration; what it does stands in DropLayers.td.
#ifndef LMOPT_PASSES_DROPLAYERS_DROPLAYERS_H
#define LMOPT_PASSES_DROPLAYERS_DROPLAYERS_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/drop-layers/DropLayers.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_DROPLAYERS_DROPLAYERS_H
