// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-migrate-scales and its registration; what it does stands in MigrateScales.td.
#ifndef LMOPT_PASSES_MIGRATESCALES_MIGRATESCALES_H
#define LMOPT_PASSES_MIGRATESCALES_MIGRATESCALES_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/migrate-scales/MigrateScales.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_MIGRATESCALES_MIGRATESCALES_H
