// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pooling for CPUs. Tested by test/codegen/lower/encoder.mlir and the end-to-end tests.
#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/pooling/Pooling.h"
#include "codegen/plan/Limits.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

struct PoolKernel : KernelOpInterface::ExternalModel<PoolKernel, lm::PoolOp> {
  LogicalResult prepare(Operation *op, plan::ProgramOp) const { return plan::checkPooling(cast<lm::PoolOp>(op)); }
  void getPackedWeights(Operation *, plan::ProgramOp, SmallVectorImpl<PackedUse> &) const {}
  plan::Share getShare(Operation *, plan::StepOp, bool) const { return plan::Share::rows; }
  int64_t getScratchBytes(Operation *) const { return 0; }
  int64_t getStateBytes(Operation *) const { return 0; }
  bool masksLastVector(Operation *) const { return false; }
  StringRef getUnit(Operation *) const { return "none"; }
  Kernel defineKernel(Operation *op, KernelLibrary &kernels, plan::StepOp step) const {
    auto rows = cast<plan::RowsType>(step.getRowInputs().front().getType());
    Kernel kernel;
    kernel.name = poolKernel(kernels, rows.getWidth(), cast<lm::PoolOp>(op).getPoolings());
    kernel.arguments = {
        {Argument::Input}, {Argument::Output}, {Argument::Step}, {Argument::RowBegin}, {Argument::RowEnd}};
    return kernel;
  }
};
} // namespace

void registerPoolingModels(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *context, lm::LMDialect *) { lm::PoolOp::attachInterface<PoolKernel>(*context); });
}

} // namespace lmopt::cpu
