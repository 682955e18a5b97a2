// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conditional layers for GPUs: trees of neurons, gates, experts, products without zeros. What they read is packed as
// f32. Tested by test/unit/codegen/ptx/NeuronTreeTest.cpp, GatesTest.cpp, ExpertsTest.cpp (kernels) and all models
// compiled for GPUs.
#include "codegen/ptx/conditional/ConditionalModel.h"

#include "codegen/plan/FormSteps.h"
#include "codegen/ptx/conditional/Experts.h"
#include "codegen/ptx/conditional/Gates.h"
#include "codegen/ptx/conditional/NeuronTree.h"
#include "codegen/ptx/conditional/NonzeroLinear.h"
#include "dialects/lm/Verify.h"
#include "dialects/lm/conditional/Conditional.h"
#include "dialects/lm/param/Param.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

/// What all of them have alike: padded rows, nothing kept between steps.
template <class Model, class Op>
class ConditionalModel : public KernelOpInterface::ExternalModel<Model, Op> {
public:
  LogicalResult prepare(Operation *, plan::ProgramOp) const { return success(); }
  int64_t getStateBytes(Operation *, plan::StepOp) const { return 0; }
  int64_t getScratchBytes(Operation *, plan::StepOp, int64_t) const { return 0; }
  bool writesPackedRows(Operation *) const { return false; }
  StringRef getUnit(Operation *) const { return "f32"; }
  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<plan::PackedUse> &uses) const {
    uses.push_back(Model::neurons(op));
  }

private:
  friend Model;
  ConditionalModel() = default;

  static NeuronRows rowsOf(Operation *op) { return neuronRows(cast<NeuronsAttr>(Model::neurons(op).layout)); }
};

/// A block, or a row of blocks, for each row of the step.
void addLaunch(LaunchBuilder &launches, std::string kernel, std::vector<Argument> arguments, int64_t blocks = 0) {
  Launch launch;
  launch.kernel = std::move(kernel);
  launch.arguments = std::move(arguments);
  launch.domain = launches.step.getDomain();
  launch.grid[blocks ? 1 : 0] = Size::rows(launch.domain);
  if (blocks)
    launch.grid[0] = Size::fixed(blocks);
  launches.add(std::move(launch));
}

struct NeuronTreeModel : ConditionalModel<NeuronTreeModel, lm::NeuronTreeOp> {
  static plan::PackedUse neurons(Operation *op) {
    auto tree = cast<lm::NeuronTreeOp>(op);
    return packedNeurons(op, {tree.getWeightAttr(), tree.getBiasAttr(), {}, tree.getValuesAttr(), {}});
  }
  LogicalResult prepare(Operation *op, plan::ProgramOp) const {
    auto tree = cast<lm::NeuronTreeOp>(op);
    if (tree.getNarrowAttr())
      return plan::refuse(op, "trees of neurons with rows of fewer bits beside those that decide are not supported on "
                              "GPUs");
    return success();
  }
  void launch(Operation *op, LaunchBuilder &launches) const {
    auto tree = cast<lm::NeuronTreeOp>(op);
    NeuronTreeSpec spec;
    spec.rows = rowsOf(op);
    spec.trees = static_cast<int64_t>(tree.getTrees());
    spec.levels = lm::NeuronTreeOp::levelsOf(spec.rows.neurons, spec.trees);
    spec.kind = lm::activationOf(tree.getKind());
    spec.tieRight = tree.getTieRight();
    addLaunch(launches, neuronTreeKernel(launches.kernels, spec),
              {launches.rowsOf(tree.getInput()), launches.weight(neurons(op)), launches.result(),
               Argument::number(spec.trees)});
  }
};

struct TreeGatesModel : ConditionalModel<TreeGatesModel, lm::TreeGatesOp> {
  static plan::PackedUse neurons(Operation *op) {
    auto gates = cast<lm::TreeGatesOp>(op);
    return packedNeurons(op, {gates.getWeightAttr(), gates.getBiasAttr(), {}, {}, {}});
  }
  static TreeGatesSpec specOf(Operation *op) {
    auto gates = cast<lm::TreeGatesOp>(op);
    TreeGatesSpec spec;
    spec.nodes = rowsOf(op);
    spec.levels = lm::NeuronTreeOp::levelsOf(spec.nodes.neurons, 1);
    spec.count = static_cast<int64_t>(gates.getCount());
    spec.tieRight = gates.getTieRight();
    return spec;
  }
  LogicalResult prepare(Operation *op, plan::ProgramOp) const {
    TreeGatesSpec spec = specOf(op);
    if (spec.several() && spec.leaves() > TreeGatesSpec::kMostLeaves)
      return plan::refuse(op, "choosing " + Twine(spec.count) + " of " + Twine(spec.leaves()) +
                                  " leaves is not supported on GPUs yet; use at most " +
                                  Twine(TreeGatesSpec::kMostLeaves));
    return success();
  }
  void launch(Operation *op, LaunchBuilder &launches) const {
    addLaunch(launches, treeGatesKernel(launches.kernels, specOf(op)),
              {launches.rowsOf(cast<lm::TreeGatesOp>(op).getInput()), launches.weight(neurons(op)), launches.result()});
  }
};

struct TopGatesModel : ConditionalModel<TopGatesModel, lm::TopGatesOp> {
  static TopGatesSpec specOf(Operation *op) {
    auto gates = cast<lm::TopGatesOp>(op);
    TopGatesSpec spec;
    spec.experts = lm::widthOf(gates.getScores());
    spec.count = static_cast<int64_t>(gates.getCount());
    spec.softmax = gates.getSoftmax() == "chosen" ? TopGatesSpec::Softmax::Chosen
                   : gates.getSoftmax() == "all"  ? TopGatesSpec::Softmax::All
                                                  : TopGatesSpec::Softmax::None;
    return spec;
  }
  LogicalResult prepare(Operation *op, plan::ProgramOp) const {
    int64_t experts = specOf(op).experts;
    if (experts > TopGatesSpec::kMostExperts)
      return plan::refuse(op, "choosing among " + Twine(experts) +
                                  " scores is not supported on GPUs yet; use at most " +
                                  Twine(TopGatesSpec::kMostExperts));
    return success();
  }
  void getPackedWeights(Operation *, plan::ProgramOp, SmallVectorImpl<plan::PackedUse> &) const {}
  StringRef getUnit(Operation *) const { return "none"; }
  void launch(Operation *op, LaunchBuilder &launches) const {
    addLaunch(launches, topGatesKernel(launches.kernels, specOf(op)),
              {launches.rowsOf(cast<lm::TopGatesOp>(op).getScores()), launches.result()});
  }
};

struct ExpertsModel : ConditionalModel<ExpertsModel, lm::ExpertsOp> {
  static plan::PackedUse neurons(Operation *op) {
    auto all = cast<lm::ExpertsOp>(op);
    return packedNeurons(
        op, {all.getWeightAttr(), all.getBiasAttr(), all.getUpAttr(), all.getValuesAttr(), all.getValuesBiasAttr()});
  }
  static ExpertsSpec specOf(Operation *op) {
    auto all = cast<lm::ExpertsOp>(op);
    return {rowsOf(op), lm::widthOf(all.getGates()), lm::activationOf(all.getKind())};
  }
  int64_t getScratchBytes(Operation *op, plan::StepOp, int64_t rows) const { return rows * specOf(op).hiddenBytes(); }
  void launch(Operation *op, LaunchBuilder &launches) const {
    auto all = cast<lm::ExpertsOp>(op);
    ExpertsSpec spec = specOf(op);
    Argument gates = launches.rowsOf(all.getGates()), weights = launches.weight(neurons(op)),
             hidden = launches.scratch();
    addLaunch(launches, expertsHiddenKernel(launches.kernels, spec),
              {launches.rowsOf(all.getInput()), gates, weights, hidden}, spec.hiddenBlocks());
    addLaunch(launches, expertsResultKernel(launches.kernels, spec), {gates, weights, hidden, launches.result()},
              spec.resultBlocks());
  }
};

struct NonzeroLinearModel : ConditionalModel<NonzeroLinearModel, lm::NonzeroLinearOp> {
  static plan::PackedUse neurons(Operation *op) {
    auto linear = cast<lm::NonzeroLinearOp>(op);
    return packedNeurons(op, {{}, {}, {}, linear.getWeightAttr(), linear.getBiasAttr()});
  }
  void launch(Operation *op, LaunchBuilder &launches) const {
    NeuronRows rows = rowsOf(op);
    addLaunch(
        launches, nonzeroLinearKernel(launches.kernels, rows),
        {launches.rowsOf(cast<lm::NonzeroLinearOp>(op).getInput()), launches.weight(neurons(op)), launches.result()},
        nonzeroBlocks(rows));
  }
};
} // namespace

void registerConditionalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, lm::LMDialect *) {
    lm::NeuronTreeOp::attachInterface<NeuronTreeModel>(*context);
    lm::TreeGatesOp::attachInterface<TreeGatesModel>(*context);
    lm::TopGatesOp::attachInterface<TopGatesModel>(*context);
    lm::ExpertsOp::attachInterface<ExpertsModel>(*context);
    lm::NonzeroLinearOp::attachInterface<NonzeroLinearModel>(*context);
  });
}

} // namespace lmopt::nvptx
