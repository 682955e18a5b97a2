// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The packed weights of programs for CPUs: plan::chooseLayouts with the models of codegen/cpu. In: a module with
// programs of steps. Out: its plan.weight ops, and the steps' weights and offsets. The pass is cpu-choose-layouts;
// tested by test/codegen/cpu/choose-layouts.mlir.
#ifndef LMOPT_CODEGEN_CPU_CHOOSELAYOUTS_H
#define LMOPT_CODEGEN_CPU_CHOOSELAYOUTS_H

#include "mlir/IR/BuiltinOps.h"

namespace lmopt::cpu {

/// Fails with a located error where an op has no code for CPUs.
mlir::LogicalResult chooseLayouts(mlir::ModuleOp module);

void registerChooseLayoutsPass();

} // namespace lmopt::cpu

#endif
