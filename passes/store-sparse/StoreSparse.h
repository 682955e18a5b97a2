// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-store-sparse and its registration; what it does stands in StoreSparse.td.
#ifndef LMOPT_PASSES_STORESPARSE_STORESPARSE_H
#define LMOPT_PASSES_STORESPARSE_STORESPARSE_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/store-sparse/StoreSparse.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_STORESPARSE_STORESPARSE_H
