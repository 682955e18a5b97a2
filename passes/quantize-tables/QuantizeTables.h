// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-quantize-tables and its registration; what it does stands in QuantizeTables.td.
#ifndef LMOPT_PASSES_QUANTIZETABLES_QUANTIZETABLES_H
#define LMOPT_PASSES_QUANTIZETABLES_QUANTIZETABLES_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/quantize-tables/QuantizeTables.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_QUANTIZETABLES_QUANTIZETABLES_H
