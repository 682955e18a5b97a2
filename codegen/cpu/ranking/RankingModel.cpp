// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.top_linear for CPUs: its weights are those of the whole product, which other entries need, and its bounds. And
// logits by classes, all or the greatest, and by a tree, all or one: tables of words. And a preview with its greatest
// computed anew. Tested by test/codegen/lower/top.mlir, test/codegen/run-compiled/ranking.mlir and the end-to-end
// tests.
#include "codegen/cpu/linear/LinearModel.h"
#include "codegen/cpu/ranking/ClassLogits.h"
#include "codegen/cpu/ranking/PreviewLinear.h"
#include "codegen/cpu/ranking/TopLinear.h"
#include "codegen/cpu/ranking/WordTree.h"
#include "codegen/cpu/rows/RowModel.h"
#include "dialects/lm/Verify.h"
#include "dialects/lm/ranking/Ranking.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

// What all of them have alike: rows are dealt out to threads, and nothing is kept between steps.
template <class Model, class Op>
class RankingModel : public KernelOpInterface::ExternalModel<Model, Op> {
public:
  plan::Share getShare(Operation *, plan::StepOp, bool) const { return plan::Share::rows; }
  int64_t getStateBytes(Operation *) const { return 0; }
  bool masksLastVector(Operation *) const { return true; }

private:
  friend Model;
  RankingModel() = default;
};

struct TopLinearModel : RankingModel<TopLinearModel, lm::TopLinearOp> {
  static lm::TopLinearOp top(Operation *op) { return cast<lm::TopLinearOp>(op); }
  static PackedUse panels(Operation *op) { return packedPanels(op, top(op).getWeightAttr(), top(op).getBiasAttr()); }
  static PackedUse bounds(Operation *op) {
    auto layout = BoundsAttr::get(op->getContext(), lm::widthOf(top(op).getResult()), top(op).getBlock());
    return {{top(op).getWeightAttr(), top(op).getPreviewWeightAttr()}, layout};
  }
  static TopSpec specOf(Operation *op) {
    auto layout = cast<PanelsAttr>(panels(op).layout);
    TopSpec spec;
    spec.exact = linearSpec(layout.getMatrix(), layout.getBias());
    spec.count = top(op).getCount();
    spec.rotated = top(op).getBlock() != 0;
    return spec;
  }

  LogicalResult prepare(Operation *, plan::ProgramOp) const { return success(); }
  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<PackedUse> &uses) const {
    uses.push_back(panels(op));
    uses.push_back(bounds(op));
  }
  int64_t getScratchBytes(Operation *op) const { return specOf(op).scratchBytes(); }
  StringRef getUnit(Operation *op) const { return specOf(op).exact.bf16() ? "bf16" : "f32"; }
  Kernel defineKernel(Operation *op, KernelLibrary &kernels, plan::StepOp step) const {
    TopSpec spec = specOf(op);
    spec.exact.outStride = rowStride(step.getResult(0));
    Kernel kernel;
    kernel.name = topLinearKernel(kernels, spec);
    for (Value operand :
         {top(op).getInput(), Value(top(op).getRotated()), Value(top(op).getCodes()), Value(top(op).getPreview())})
      kernel.arguments.push_back({Argument::Input, inputNumber(operand)});
    kernel.arguments.insert(kernel.arguments.end(), {{Argument::Weight, weightNumber(step, panels(op))},
                                                     {Argument::Weight, weightNumber(step, bounds(op))},
                                                     {Argument::Output},
                                                     {Argument::Scratch},
                                                     {Argument::Step},
                                                     {Argument::RowBegin},
                                                     {Argument::RowEnd}});
    return kernel;
  }
};

StringRef unitOf(const LinearSpec &exact) {
  return exact.integer() || exact.grouped() ? "u8s8" : exact.bf16() ? "bf16" : "f32";
}

template <class Op>
PackedUse classTables(Op op) {
  return {{}, ClassesAttr::get(op.getContext(), op.getClasses())};
}

template <class Op>
ClassTables tablesOf(Op op) {
  return {lm::widthOf(op.getResult()), lm::widthOf(op.getScores()), op.getClasses().getSingles()};
}

struct ClassLogitsModel : RankingModel<ClassLogitsModel, lm::ClassLogitsOp> {
  static lm::ClassLogitsOp logits(Operation *op) { return cast<lm::ClassLogitsOp>(op); }

  LogicalResult prepare(Operation *, plan::ProgramOp) const { return success(); }
  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<PackedUse> &uses) const {
    uses.push_back(classTables(logits(op)));
  }
  int64_t getScratchBytes(Operation *) const { return 64; }
  StringRef getUnit(Operation *) const { return "none"; }
  Kernel defineKernel(Operation *op, KernelLibrary &kernels, plan::StepOp step) const {
    Kernel kernel;
    kernel.name = classLogitsKernel(kernels, {tablesOf(logits(op)), rowStride(step.getResult(0))});
    kernel.arguments = {{Argument::Input, inputNumber(logits(op).getProducts())},
                        {Argument::Input, inputNumber(logits(op).getScores())},
                        {Argument::Weight, weightNumber(step, classTables(logits(op)))},
                        {Argument::Output},
                        {Argument::Scratch},
                        {Argument::RowBegin},
                        {Argument::RowEnd}};
    return kernel;
  }
};

struct TopClassLinearModel : RankingModel<TopClassLinearModel, lm::TopClassLinearOp> {
  static lm::TopClassLinearOp top(Operation *op) { return cast<lm::TopClassLinearOp>(op); }
  static PackedUse panels(Operation *op) { return packedPanels(op, top(op).getWeightAttr(), top(op).getBiasAttr()); }
  static TopClassSpec specOf(Operation *op) {
    auto layout = cast<PanelsAttr>(panels(op).layout);
    TopClassSpec spec;
    spec.exact = linearSpec(layout.getMatrix(), layout.getBias());
    spec.tables = tablesOf(top(op));
    spec.count = top(op).getCount();
    return spec;
  }

  LogicalResult prepare(Operation *op, plan::ProgramOp) const { return checkFormat(op, top(op).getWeightAttr()); }
  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<PackedUse> &uses) const {
    uses.push_back(panels(op));
    uses.push_back(classTables(top(op)));
  }
  int64_t getScratchBytes(Operation *op) const { return specOf(op).scratchBytes(); }
  StringRef getUnit(Operation *op) const { return unitOf(specOf(op).exact); }
  Kernel defineKernel(Operation *op, KernelLibrary &kernels, plan::StepOp step) const {
    TopClassSpec spec = specOf(op);
    spec.exact.outStride = rowStride(step.getResult(0));
    Kernel kernel;
    kernel.name = topClassLinearKernel(kernels, spec);
    kernel.arguments = {{Argument::Input, inputNumber(top(op).getInput())},
                        {Argument::Weight, weightNumber(step, panels(op))},
                        {Argument::Input, inputNumber(top(op).getScores())},
                        {Argument::Weight, weightNumber(step, classTables(top(op)))},
                        {Argument::Output},
                        {Argument::Scratch},
                        {Argument::Step},
                        {Argument::RowBegin},
                        {Argument::RowEnd}};
    return kernel;
  }
};

struct PreviewLinearModel : RankingModel<PreviewLinearModel, lm::PreviewLinearOp> {
  static lm::PreviewLinearOp linear(Operation *op) { return cast<lm::PreviewLinearOp>(op); }
  static PackedUse panels(Operation *op) {
    return packedPanels(op, linear(op).getWeightAttr(), linear(op).getBiasAttr());
  }
  static PreviewSpec specOf(Operation *op) {
    auto layout = cast<PanelsAttr>(panels(op).layout);
    return {linearSpec(layout.getMatrix(), layout.getBias()), static_cast<int64_t>(linear(op).getCount())};
  }

  LogicalResult prepare(Operation *, plan::ProgramOp) const { return success(); }
  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<PackedUse> &uses) const {
    uses.push_back(panels(op));
  }
  int64_t getScratchBytes(Operation *) const { return 128; }
  StringRef getUnit(Operation *op) const { return specOf(op).exact.bf16() ? "bf16" : "f32"; }
  Kernel defineKernel(Operation *op, KernelLibrary &kernels, plan::StepOp step) const {
    PreviewSpec spec = specOf(op);
    spec.exact.outStride = rowStride(step.getResult(0));
    Kernel kernel;
    kernel.name = previewLinearKernel(kernels, spec);
    kernel.arguments = {{Argument::Input, inputNumber(linear(op).getInput())},
                        {Argument::Input, inputNumber(linear(op).getPreview())},
                        {Argument::Weight, weightNumber(step, panels(op))},
                        {Argument::Output},
                        {Argument::Scratch},
                        {Argument::RowBegin},
                        {Argument::RowEnd}};
    return kernel;
  }
};

template <class Op>
PackedUse treeTablesOf(Op op) {
  return {{}, WordTreeAttr::get(op.getContext(), op.getTree())};
}

struct TreeLogitsModel : RankingModel<TreeLogitsModel, lm::TreeLogitsOp> {
  static lm::TreeLogitsOp logits(Operation *op) { return cast<lm::TreeLogitsOp>(op); }
  static TreeLogitsSpec specOf(Operation *op) { return {treeTables(logits(op).getTree())}; }

  LogicalResult prepare(Operation *, plan::ProgramOp) const { return success(); }
  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<PackedUse> &uses) const {
    uses.push_back(treeTablesOf(logits(op)));
  }
  int64_t getScratchBytes(Operation *op) const { return specOf(op).scratchBytes(); }
  StringRef getUnit(Operation *) const { return "none"; }
  Kernel defineKernel(Operation *op, KernelLibrary &kernels, plan::StepOp step) const {
    TreeLogitsSpec spec = specOf(op);
    spec.outStride = rowStride(step.getResult(0));
    Kernel kernel;
    kernel.name = treeLogitsKernel(kernels, spec);
    kernel.arguments = {{Argument::Input, inputNumber(logits(op).getScores())},
                        {Argument::Weight, weightNumber(step, treeTablesOf(logits(op)))},
                        {Argument::Output},
                        {Argument::Scratch},
                        {Argument::RowBegin},
                        {Argument::RowEnd}};
    return kernel;
  }
};

struct TreeScoreModel : RankingModel<TreeScoreModel, lm::TreeScoreOp> {
  static lm::TreeScoreOp score(Operation *op) { return cast<lm::TreeScoreOp>(op); }
  static PackedUse panels(Operation *op) {
    return packedPanels(op, score(op).getWeightAttr(), score(op).getBiasAttr());
  }
  static TreeScoreSpec specOf(Operation *op) {
    auto layout = cast<PanelsAttr>(panels(op).layout);
    return {linearSpec(layout.getMatrix(), layout.getBias()), treeTables(score(op).getTree())};
  }

  LogicalResult prepare(Operation *op, plan::ProgramOp) const { return checkFormat(op, score(op).getWeightAttr()); }
  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<PackedUse> &uses) const {
    uses.push_back(panels(op));
    uses.push_back(treeTablesOf(score(op)));
  }
  int64_t getScratchBytes(Operation *op) const { return specOf(op).scratchBytes(); }
  StringRef getUnit(Operation *op) const { return unitOf(specOf(op).exact); }
  Kernel defineKernel(Operation *op, KernelLibrary &kernels, plan::StepOp step) const {
    TreeScoreSpec spec = specOf(op);
    spec.outStride = rowStride(step.getResult(0));
    Kernel kernel;
    kernel.name = treeScoreKernel(kernels, spec);
    kernel.arguments = {{Argument::Input, inputNumber(score(op).getInput())},
                        {Argument::Weight, weightNumber(step, panels(op))},
                        {Argument::Weight, weightNumber(step, treeTablesOf(score(op)))},
                        {Argument::Tokens, tokensNumber(step)},
                        {Argument::Output},
                        {Argument::Scratch},
                        {Argument::RowBegin},
                        {Argument::RowEnd}};
    return kernel;
  }
};
} // namespace

void registerRankingModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, lm::LMDialect *) {
    lm::TopLinearOp::attachInterface<TopLinearModel>(*context);
    lm::ClassLogitsOp::attachInterface<ClassLogitsModel>(*context);
    lm::TopClassLinearOp::attachInterface<TopClassLinearModel>(*context);
    lm::PreviewLinearOp::attachInterface<PreviewLinearModel>(*context);
    lm::TreeLogitsOp::attachInterface<TreeLogitsModel>(*context);
    lm::TreeScoreOp::attachInterface<TreeScoreModel>(*context);
  });
}

} // namespace lmopt::cpu
