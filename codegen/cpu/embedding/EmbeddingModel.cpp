// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Embeddings for CPUs: which row function, and how the table is packed. Tested by test/codegen/lower and the end-to-end
// tests.
#include "codegen/cpu/embedding/EmbeddingRows.h"
#include "codegen/cpu/linear/LinearModel.h"
#include "codegen/cpu/quantize/QuantizeRows.h"
#include "codegen/cpu/rows/RowModel.h"
#include "codegen/plan/FormSteps.h"
#include "dialects/lm/Verify.h"
#include "dialects/lm/embedding/Embedding.h"
#include "dialects/lm/interfaces/Linear.h"
#include "dialects/lm/param/Param.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

struct EmbeddingModel : RowOpInterface::ExternalModel<EmbeddingModel, lm::EmbeddingOp> {
  LogicalResult prepare(Operation *op, plan::ProgramOp) const {
    auto embedding = cast<lm::EmbeddingOp>(op);
    if (failed(checkFormat(op, embedding.getTableAttr())))
      return failure();
    if (isa<lm::SparseInt8Type>(lm::lookupParam(op, embedding.getTableAttr()).getType()))
      return plan::refuse(op, "rows of a sparse table cannot be looked up (param '" +
                                  embedding.getTableAttr().getValue() + "'); store it as !lm.int8");
    return embedding.getRotated() ? checkRotation(op, *embedding.getRotated()) : success();
  }

  // A table that is also the matrix of a linear exists once, in the layout of the linear; so do tables of codes.
  void getPackedWeights(Operation *op, plan::ProgramOp program, SmallVectorImpl<PackedUse> &uses) const {
    FlatSymbolRefAttr table = cast<lm::EmbeddingOp>(op).getTableAttr();
    auto type = dyn_cast<RankedTensorType>(lm::lookupParam(op, table).getType());
    std::optional<FlatSymbolRefAttr> tied = plan::findTied(table, program);
    if (tied || !type || !type.getElementType().isF32())
      uses.push_back(packedPanels(op, table, tied.value_or(FlatSymbolRefAttr())));
    else
      uses.push_back(packedRows(op, table));
  }

  static RowFunctionRef function(plan::WeightLayoutAttr layout) {
    auto panels = dyn_cast<PanelsAttr>(layout);
    return panels ? embedding(linearSpec(panels.getMatrix(), panels.getBias())) : embedding();
  }

  void addTo(Operation *op, RowProgramBuilder &program) const {
    auto embedding = cast<lm::EmbeddingOp>(op);
    SmallVector<PackedUse> uses = packedWeightsOf(op, op->getParentOfType<plan::ProgramOp>());
    int64_t width = lm::widthOf(embedding.getResult());
    int64_t row = program.append(function(uses.front().layout), {}, width, program.weightsOf(op));
    if (embedding.getRotated())
      row = program.append(rotate(*embedding.getRotated()), {row}, width);
    program.define(embedding.getResult(), row);
  }
};

struct AddPositionsModel : RowModel<AddPositionsModel, lm::AddPositionsOp> {
  static RowFunctionRef function(lm::AddPositionsOp) { return addPositions(); }
};
} // namespace

void registerEmbeddingModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, lm::LMDialect *) {
    lm::EmbeddingOp::attachInterface<EmbeddingModel>(*context);
    lm::AddPositionsOp::attachInterface<AddPositionsModel>(*context);
  });
}

} // namespace lmopt::cpu
