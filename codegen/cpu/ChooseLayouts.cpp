// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See ChooseLayouts.h.
#include "codegen/cpu/ChooseLayouts.h"

#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/SchedulePrograms.h"

#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

class CpuModels : public plan::LayoutModels {
public:
  StringRef targetName() const override { return "CPUs"; }
  bool hasModel(Operation *op, bool isKernel) const override {
    return isKernel ? isa<KernelOpInterface>(op) : isa<RowOpInterface>(op);
  }
  LogicalResult prepare(Operation *op, plan::ProgramOp program) const override {
    auto kernel = dyn_cast<KernelOpInterface>(op);
    return kernel ? kernel.prepare(program) : cast<RowOpInterface>(op).prepare(program);
  }
  void getPackedWeights(Operation *op, plan::ProgramOp program, SmallVectorImpl<PackedUse> &uses) const override {
    llvm::append_range(uses, packedWeightsOf(op, program));
  }
  int64_t mostRows() const override { return kPrefillRows; }
  int64_t getStateBytes(plan::StepOp step) const override { return kernelOf(step).getStateBytes(); }
  bool writesPackedRows(plan::StepOp step) const override { return kernelOf(step).masksLastVector(); }
};

struct ChooseLayoutsPass : public PassWrapper<ChooseLayoutsPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ChooseLayoutsPass)
  StringRef getArgument() const final { return "cpu-choose-layouts"; }
  StringRef getDescription() const final { return "Pack the weights of a program of steps for CPUs"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<plan::PlanDialect, CpuDialect>();
  }
  void runOnOperation() override {
    if (failed(chooseLayouts(getOperation())))
      signalPassFailure();
  }
};
} // namespace

LogicalResult chooseLayouts(ModuleOp module) { return plan::chooseLayouts(module, CpuModels()); }

void registerChooseLayoutsPass() { PassRegistration<ChooseLayoutsPass>(); }

} // namespace lmopt::cpu
