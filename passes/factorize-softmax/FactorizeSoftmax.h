// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-factorize-softmax and its registration; what it does stands in FactorizeSoftmax.td.
#ifndef LMOPT_PASSES_FACTORIZESOFTMAX_FACTORIZESOFTMAX_H
#define LMOPT_PASSES_FACTORIZESOFTMAX_FACTORIZESOFTMAX_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/factorize-softmax/FactorizeSoftmax.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FACTORIZESOFTMAX_FACTORIZESOFTMAX_H
