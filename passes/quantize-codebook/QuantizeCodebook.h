// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-quantize-codebook and its registration; what it does stands in QuantizeCodebook.td.
#ifndef LMOPT_PASSES_QUANTIZECODEBOOK_QUANTIZECODEBOOK_H
#define LMOPT_PASSES_QUANTIZECODEBOOK_QUANTIZECODEBOOK_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/quantize-codebook/QuantizeCodebook.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_QUANTIZECODEBOOK_QUANTIZECODEBOOK_H
