// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Embeddings for GPUs. A table that is also the matrix of a product exists once, in the layout of the product; so do
// tables of bf16 and of codes. Tested by test/codegen/ptx and all models compiled for GPUs.
#include "codegen/plan/FormSteps.h"
#include "codegen/plan/Neighbours.h"
#include "codegen/ptx/linear/LinearModel.h"
#include "codegen/ptx/rows/RowModel.h"
#include "dialects/lm/embedding/Embedding.h"
#include "dialects/lm/param/Param.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

struct EmbeddingModel : RowOpInterface::ExternalModel<EmbeddingModel, lm::EmbeddingOp> {
  LogicalResult prepare(Operation *op, plan::ProgramOp) const {
    auto embedding = cast<lm::EmbeddingOp>(op);
    if (failed(checkFormat(op, embedding.getTableAttr())) || failed(checkWidths(op)))
      return failure();
    if (isa<lm::SparseInt8Type>(lm::lookupParam(op, embedding.getTableAttr()).getType()))
      return plan::refuse(op, "rows of a sparse table cannot be looked up (param '" +
                                  embedding.getTableAttr().getValue() + "'); store it as !lm.int8");
    std::optional<int64_t> rotated = embedding.getRotated();
    return rotated ? checkRotation(op, *rotated) : success();
  }

  void getPackedWeights(Operation *op, plan::ProgramOp program, SmallVectorImpl<plan::PackedUse> &uses) const {
    FlatSymbolRefAttr table = cast<lm::EmbeddingOp>(op).getTableAttr();
    auto type = dyn_cast<RankedTensorType>(lm::lookupParam(op, table).getType());
    std::optional<FlatSymbolRefAttr> tied = plan::findTied(table, program);
    if (tied || !type || !type.getElementType().isF32())
      uses.push_back(packedFragments(op, table, tied.value_or(FlatSymbolRefAttr())));
    else
      uses.push_back(packedTable(op, table));
  }

  void addTo(Operation *op, RowProgramBuilder &program) const {
    auto embedding = cast<lm::EmbeddingOp>(op);
    SmallVector<plan::PackedUse> uses;
    getPackedWeights(op, op->getParentOfType<plan::ProgramOp>(), uses);
    RowStep gather = {RowStepKind::Gather};
    if (auto fragments = dyn_cast<FragmentsAttr>(uses.front().layout)) {
      gather.kind = RowStepKind::GatherFragments;
      gather.table = linearSpec(fragments.getMatrix(), fragments.getBias());
    }
    int64_t row = program.append(gather, {program.weight(uses.front()), tokensOf(embedding.getIds())});
    if (std::optional<int64_t> block = embedding.getRotated())
      row = program.append(rotation({row}, *block));
    program.define(embedding.getResult(), row);
  }
};

struct AddPositionsModel : RowModel<AddPositionsModel, lm::AddPositionsOp> {
  void addTo(Operation *op, RowProgramBuilder &program) const {
    plan::PackedUse table = packedTable(op, cast<lm::AddPositionsOp>(op).getTableAttr());
    program.add(op, {RowStepKind::AddPositions}, {program.weight(table), {Argument::RowTable}});
  }
};
} // namespace

void registerEmbeddingModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, lm::LMDialect *) {
    lm::EmbeddingOp::attachInterface<EmbeddingModel>(*context);
    lm::AddPositionsOp::attachInterface<AddPositionsModel>(*context);
  });
}

} // namespace lmopt::nvptx
