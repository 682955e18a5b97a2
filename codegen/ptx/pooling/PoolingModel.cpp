// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pooling for GPUs. Tested by test/codegen/ptx and all models compiled for GPUs.
#include "codegen/plan/Limits.h"
#include "codegen/ptx/Ptx.h"
#include "codegen/ptx/pooling/PoolKernel.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

struct PoolModel : KernelOpInterface::ExternalModel<PoolModel, lm::PoolOp> {
  LogicalResult prepare(Operation *op, plan::ProgramOp) const { return plan::checkPooling(cast<lm::PoolOp>(op)); }
  void getPackedWeights(Operation *, plan::ProgramOp, SmallVectorImpl<plan::PackedUse> &) const {}
  int64_t getStateBytes(Operation *, plan::StepOp) const { return 0; }
  int64_t getScratchBytes(Operation *, plan::StepOp, int64_t) const { return 0; }
  bool writesPackedRows(Operation *) const { return false; }
  StringRef getUnit(Operation *) const { return "none"; }
  void launch(Operation *op, LaunchBuilder &launches) const {
    auto pool = cast<lm::PoolOp>(op);
    auto rows = cast<plan::RowsType>(launches.step.getRowInputs().front().getType());
    Launch launch;
    launch.kernel = poolKernel(launches.kernels, rows.getWidth(), pool.getPoolings());
    launch.arguments = {launches.rowsOf(pool.getInput()), {Argument::Segments}, launches.result()};
    launch.domain = plan::Domain::segments;
    launch.grid[0] = Size::rows(launch.domain);
    launches.add(std::move(launch));
  }
};
} // namespace

void registerPoolingModels(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *context, lm::LMDialect *) { lm::PoolOp::attachInterface<PoolModel>(*context); });
}

} // namespace lmopt::nvptx
