// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The lowered module in the LLVM dialect: the dot product spelled for the target, then MLIR's stock conversions. See
// EmitObject.h.
#include "codegen/cpu/LowerDot.h"
#include "codegen/link/EmitObject.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace lmopt::link {

LogicalResult convertToLlvm(ModuleOp module, const cpu::Target &target) {
  PassManager manager(module.getContext());
  manager.addPass(cpu::createLowerDotPass(target));
  manager.addPass(createCSEPass());
  manager.addPass(createSCFToControlFlowPass());
  ConvertVectorToLLVMPassOptions vectorOptions;
  vectorOptions.reassociateFPReductions = true;
  manager.addPass(createConvertVectorToLLVMPass(vectorOptions));
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createConvertFuncToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
  return manager.run(module);
}

} // namespace lmopt::link
