// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pointwise functions of dialects/lm/Kinds.h on CPUs, for all kernels that apply one. In the bodies of kernels
// only. Tested by test/unit/codegen/RowKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_ELEMENTWISE_ACTIVATIONS_H
#define LMOPT_CODEGEN_CPU_ELEMENTWISE_ACTIVATIONS_H

#include "codegen/cpu/Emitter.h"
#include "dialects/lm/Kinds.h"

namespace lmopt::cpu {

/// `for8Bits`: by a shorter formula, where there is one that is good enough for what keeps 8 bits.
mlir::Value emitActivation(Emitter &e, Activation kind, bool for8Bits, mlir::Value x);

} // namespace lmopt::cpu

#endif
