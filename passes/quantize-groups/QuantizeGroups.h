// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-quantize-groups and its registration; what it does stands in QuantizeGroups.td.
#ifndef LMOPT_PASSES_QUANTIZEGROUPS_QUANTIZEGROUPS_H
#define LMOPT_PASSES_QUANTIZEGROUPS_QUANTIZEGROUPS_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/quantize-groups/QuantizeGroups.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_QUANTIZEGROUPS_QUANTIZEGROUPS_H
