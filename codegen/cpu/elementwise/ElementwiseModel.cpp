// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise ops for CPUs: which row function each is. Tested by test/codegen/lower and the end-to-end tests.
#include "codegen/cpu/elementwise/ElementwiseRows.h"
#include "codegen/cpu/rows/RowModel.h"
#include "dialects/lm/elementwise/Elementwise.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {
struct AddModel : RowModel<AddModel, lm::AddOp> {
  static RowFunctionRef function(lm::AddOp) { return add(); }
};
struct BiasAddModel : RowModel<BiasAddModel, lm::BiasAddOp> {
  static RowFunctionRef function(lm::BiasAddOp) { return biasAdd(); }
};
struct ActivationModel : RowModel<ActivationModel, lm::ActivationOp> {
  static RowFunctionRef function(lm::ActivationOp op) {
    return activation(lm::activationOf(op.getKind()), endsIn8Bits(op.getResult()));
  }
};
struct GatedProductModel : RowModel<GatedProductModel, lm::GatedProductOp> {
  static RowFunctionRef function(lm::GatedProductOp op) {
    return gatedProduct(lm::activationOf(op.getKind()), endsIn8Bits(op.getResult()));
  }
};
struct SoftCapModel : RowModel<SoftCapModel, lm::SoftCapOp> {
  static RowFunctionRef function(lm::SoftCapOp op) { return softCap(op.getCap().convertToDouble()); }
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

} // namespace lmopt::cpu
