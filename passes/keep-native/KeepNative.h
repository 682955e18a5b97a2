// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-keep-native and its registration; what it does stands in KeepNative.td.
#ifndef LMOPT_PASSES_KEEPNATIVE_KEEPNATIVE_H
#define LMOPT_PASSES_KEEPNATIVE_KEEPNATIVE_H

#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/keep-native/KeepNative.h.inc"

} // namespace lmopt::lm

#endif // LMOPT_PASSES_KEEPNATIVE_KEEPNATIVE_H
