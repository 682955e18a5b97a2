// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantization and rotation of activations for CPUs: which row function each op is, and what has no code.
// Tested by test/codegen/lower and the end-to-end tests.
#include "codegen/cpu/quantize/QuantizeRows.h"
#include "codegen/cpu/rows/RowModel.h"
#include "codegen/plan/FormSteps.h"
#include "dialects/lm/quantize/Quantize.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {
struct RotateModel : RowModel<RotateModel, lm::RotateOp> {
  static RowFunctionRef function(lm::RotateOp op) { return rotate(op.getBlock()); }
  LogicalResult prepare(Operation *op, plan::ProgramOp) const {
    return checkRotation(op, cast<lm::RotateOp>(op).getBlock());
  }
};
struct QuantizeDynamicModel : RowModel<QuantizeDynamicModel, lm::QuantizeDynamicOp> {
  static RowFunctionRef function(lm::QuantizeDynamicOp) { return quantizeDynamic(); }
};
static CodeRange rangeOf(lm::CodeRangeAttr range) {
  return {range.getStep(), range.getFactor(), static_cast<int32_t>(range.getZero()),
          static_cast<int32_t>(range.getLeast()), static_cast<int32_t>(range.getGreatest())};
}
struct QuantizeStaticModel : RowModel<QuantizeStaticModel, lm::QuantizeStaticOp> {
  static RowFunctionRef function(lm::QuantizeStaticOp op) { return quantizeStatic(rangeOf(op.getRange())); }
};
struct FakeQuantizeModel : RowModel<FakeQuantizeModel, lm::FakeQuantizeOp> {
  static RowFunctionRef function(lm::FakeQuantizeOp op) { return fakeQuantize(rangeOf(op.getCodes())); }
};
struct QuantizeGroupsModel : RowModel<QuantizeGroupsModel, lm::QuantizeGroupsOp> {
  static RowFunctionRef function(lm::QuantizeGroupsOp op) { return quantizeGroups(op.getGroup()); }
  LogicalResult prepare(Operation *op, plan::ProgramOp) const {
    int64_t group = cast<lm::QuantizeGroupsOp>(op).getGroup();
    if (group % kLanes == 0)
      return success();
    return plan::refuse(op, "groups of " + Twine(group) + " are not supported; use a multiple of 16");
  }
};
struct NarrowModel : RowModel<NarrowModel, lm::NarrowOp> {
  static RowFunctionRef function(lm::NarrowOp) { return narrow(); }
};
} // namespace

void registerQuantizeModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, lm::LMDialect *) {
    lm::RotateOp::attachInterface<RotateModel>(*context);
    lm::QuantizeDynamicOp::attachInterface<QuantizeDynamicModel>(*context);
    lm::QuantizeStaticOp::attachInterface<QuantizeStaticModel>(*context);
    lm::FakeQuantizeOp::attachInterface<FakeQuantizeModel>(*context);
    lm::QuantizeGroupsOp::attachInterface<QuantizeGroupsModel>(*context);
    lm::NarrowOp::attachInterface<NarrowModel>(*context);
  });
}

} // namespace lmopt::cpu
