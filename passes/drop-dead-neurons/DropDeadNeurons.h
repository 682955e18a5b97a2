// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-drop-dead-neurons and its registration; what it does stands in DropDeadNeurons.td.
#ifndef LMOPT_PASSES_DROPDEADNEURONS_DROPDEADNEURONS_H
#define LMOPT_PASSES_DROPDEADNEURONS_DROPDEADNEURONS_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/drop-dead-neurons/DropDeadNeurons.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_DROPDEADNEURONS_DROPDEADNEURONS_H
