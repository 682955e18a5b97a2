// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise ops for GPUs: which step of a row kernel each is. Tested by test/codegen/ptx and all models compiled for
// GPUs.
#include "codegen/plan/Neighbours.h"
#include "codegen/ptx/rows/RowModel.h"
#include "dialects/lm/elementwise/Elementwise.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {
template <class Op>
RowStep activationStep(RowStepKind kind, Op op) {
  RowStep step = {kind};
  step.activation = lm::activationOf(op.getKind());
  step.for8Bits = plan::endsIn8Bits(op.getResult());
  return step;
}
struct AddModel : RowModel<AddModel, lm::AddOp> {
  static RowStep step(lm::AddOp) { return {RowStepKind::Add}; }
};
struct BiasAddModel : RowModel<BiasAddModel, lm::BiasAddOp> {
  static RowStep step(lm::BiasAddOp) { return {RowStepKind::BiasAdd}; }
};
struct ActivationModel : RowModel<ActivationModel, lm::ActivationOp> {
  static RowStep step(lm::ActivationOp op) { return activationStep(RowStepKind::Activate, op); }
};
struct GatedProductModel : RowModel<GatedProductModel, lm::GatedProductOp> {
  static RowStep step(lm::GatedProductOp op) { return activationStep(RowStepKind::Gated, op); }
};
struct SoftCapModel : RowModel<SoftCapModel, lm::SoftCapOp> {
  static RowStep step(lm::SoftCapOp op) {
    RowStep step = {RowStepKind::SoftCap};
    step.cap = static_cast<float>(op.getCap().convertToDouble());
    return step;
  }
};
} // namespace

void registerElementwiseModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, lm::LMDialect *) {
    lm::AddOp::attachInterface<AddModel>(*context);
    lm::BiasAddOp::attachInterface<BiasAddModel>(*context);
    lm::ActivationOp::attachInterface<ActivationModel>(*context);
    lm::GatedProductOp::attachInterface<GatedProductModel>(*context);
    lm::SoftCapOp::attachInterface<SoftCapModel>(*context);
  });
}

} // namespace lmopt::nvptx
