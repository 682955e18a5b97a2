// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packed weights of a program for CPUs: which matrix, vector or table is packed how, each once however many steps use
// it, in the order of first use (decoding walks through them front to back); and where in the state each layer's part
// lies. In: a module with a program of steps. Out: its plan.weight ops, and the steps' weights and offsets.
// The pass is cpu-choose-layouts; tested by test/codegen/cpu/choose-layouts.mlir.
#ifndef LMOPT_CODEGEN_CPU_CHOOSELAYOUTS_H
#define LMOPT_CODEGEN_CPU_CHOOSELAYOUTS_H

#include "mlir/IR/BuiltinOps.h"

namespace lmopt::cpu {

/// Fails with a located error where an op has no code for CPUs.
mlir::LogicalResult chooseLayouts(mlir::ModuleOp module);

void registerChooseLayoutsPass();

} // namespace lmopt::cpu

#endif
