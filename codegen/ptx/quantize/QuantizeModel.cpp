// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantization and rotation of activations for GPUs: which step of a row kernel each op is, and what has no code.
// Tested by test/codegen/ptx and all models compiled for GPUs.
#include "codegen/plan/FormSteps.h"
#include "codegen/ptx/rows/RowModel.h"
#include "dialects/lm/quantize/Quantize.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

CodeRange rangeOf(lm::CodeRangeAttr range) {
  return {range.getStep(), range.getFactor(), static_cast<int32_t>(range.getZero()),
          static_cast<int32_t>(range.getLeast()), static_cast<int32_t>(range.getGreatest())};
}

struct RotateModel : RowModel<RotateModel, lm::RotateOp> {
  LogicalResult prepare(Operation *op, plan::ProgramOp) const {
    return failed(checkWidths(op)) ? failure() : checkRotation(op, cast<lm::RotateOp>(op).getBlock());
  }
  void addTo(Operation *op, RowProgramBuilder &program) const {
    program.add(op, rotation({}, cast<lm::RotateOp>(op).getBlock()));
  }
};
struct QuantizeDynamicModel : RowModel<QuantizeDynamicModel, lm::QuantizeDynamicOp> {
  void addTo(Operation *op, RowProgramBuilder &program) const { program.storeCodes(op, {RowStepKind::StoreCodes}); }
};
struct QuantizeStaticModel : RowModel<QuantizeStaticModel, lm::QuantizeStaticOp> {
  void addTo(Operation *op, RowProgramBuilder &program) const {
    RowStep step = {RowStepKind::StoreStaticCodes};
    step.range = rangeOf(cast<lm::QuantizeStaticOp>(op).getRange());
    program.storeCodes(op, step);
  }
};
struct FakeQuantizeModel : RowModel<FakeQuantizeModel, lm::FakeQuantizeOp> {
  static RowStep step(lm::FakeQuantizeOp op) {
    RowStep step = {RowStepKind::FakeQuantize};
    step.range = rangeOf(op.getCodes());
    return step;
  }
};
struct QuantizeGroupsModel : RowModel<QuantizeGroupsModel, lm::QuantizeGroupsOp> {
  LogicalResult prepare(Operation *op, plan::ProgramOp) const {
    int64_t group = cast<lm::QuantizeGroupsOp>(op).getGroup();
    if (!canStoreGroups(group))
      return plan::refuse(op, "groups of " + Twine(group) + " are not supported on GPUs; use 16, 32, 64 or 128");
    return checkWidths(op);
  }
  void addTo(Operation *op, RowProgramBuilder &program) const {
    RowStep step = {RowStepKind::StoreGroups};
    step.size = cast<lm::QuantizeGroupsOp>(op).getGroup();
    program.storeCodes(op, step);
  }
};
// Numbers stay what they are; the store rounds.
struct NarrowModel : RowModel<NarrowModel, lm::NarrowOp> {
  void addTo(Operation *op, RowProgramBuilder &program) const {
    program.define(op->getResult(0), program.numberOf(op->getOperand(0)));
  }
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

} // namespace lmopt::nvptx
