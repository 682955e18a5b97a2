// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Norms for GPUs: which step of a row kernel each op is. Tested by test/codegen/ptx and all models compiled for GPUs.
#include "codegen/plan/Limits.h"
#include "codegen/ptx/rows/RowModel.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {
template <class Op>
RowStep normStep(RowStepKind kind, Op op) {
  RowStep step = {kind};
  step.epsilon = static_cast<float>(op.getEps().convertToDouble());
  return step;
}
struct RmsNormModel : RowModel<RmsNormModel, lm::RmsNormOp> {
  LogicalResult prepare(Operation *op, plan::ProgramOp) const {
    return succeeded(plan::checkNorm(cast<lm::RmsNormOp>(op))) ? checkWidths(op) : failure();
  }
  static RowStep step(lm::RmsNormOp op) {
    if (op.getHeads() == 1)
      return normStep(RowStepKind::RmsNorm, op);
    RowStep step = normStep(RowStepKind::HeadRmsNorm, op);
    step.size = op.getHeadWidth();
    return step;
  }
};
struct LayerNormModel : RowModel<LayerNormModel, lm::LayerNormOp> {
  static RowStep step(lm::LayerNormOp op) { return normStep(RowStepKind::LayerNorm, op); }
};
struct L2NormalizeModel : RowModel<L2NormalizeModel, lm::L2NormalizeOp> {
  static RowStep step(lm::L2NormalizeOp) { return {RowStepKind::L2Normalize}; }
};
} // namespace

void registerNormModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, lm::LMDialect *) {
    lm::RmsNormOp::attachInterface<RmsNormModel>(*context);
    lm::LayerNormOp::attachInterface<LayerNormModel>(*context);
    lm::L2NormalizeOp::attachInterface<L2NormalizeModel>(*context);
  });
}

} // namespace lmopt::nvptx
