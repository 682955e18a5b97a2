// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Norms for CPUs: which row function each op is. Tested by test/codegen/lower and the end-to-end tests.
#include "codegen/cpu/norm/NormRows.h"
#include "codegen/cpu/rows/RowModel.h"
#include "codegen/plan/Limits.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {
struct RmsNormModel : RowModel<RmsNormModel, lm::RmsNormOp> {
  LogicalResult prepare(Operation *op, plan::ProgramOp) const { return plan::checkNorm(cast<lm::RmsNormOp>(op)); }
  static RowFunctionRef function(lm::RmsNormOp op) {
    float epsilon = op.getEps().convertToDouble();
    return op.getHeads() == 1 ? rmsNorm(epsilon) : headRmsNorm(op.getHeadWidth(), epsilon);
  }
};
struct LayerNormModel : RowModel<LayerNormModel, lm::LayerNormOp> {
  static RowFunctionRef function(lm::LayerNormOp op) { return layerNorm(op.getEps().convertToDouble()); }
};
struct L2NormalizeModel : RowModel<L2NormalizeModel, lm::L2NormalizeOp> {
  static RowFunctionRef function(lm::L2NormalizeOp) { return l2Normalize(); }
};
} // namespace

void registerNormModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, lm::LMDialect *) {
    lm::RmsNormOp::attachInterface<RmsNormModel>(*context);
    lm::LayerNormOp::attachInterface<LayerNormModel>(*context);
    lm::L2NormalizeOp::attachInterface<L2NormalizeModel>(*context);
  });
}

} // namespace lmopt::cpu
