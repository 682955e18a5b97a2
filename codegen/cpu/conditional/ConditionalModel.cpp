// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conditional layers for CPUs: trees of neurons, gates, experts, products without zeros. Tested by
// test/codegen/run-compiled/conditional.mlir and the end-to-end tests.
#include "codegen/cpu/conditional/ConditionalModel.h"

#include "codegen/cpu/SchedulePrograms.h"
#include "codegen/cpu/conditional/Gates.h"
#include "codegen/cpu/linear/LinearModel.h"
#include "codegen/plan/FormSteps.h"
#include "dialects/lm/Verify.h"
#include "dialects/lm/conditional/Conditional.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

// The params of a packed weight, of those that there are.
SmallVector<Attribute> givenOf(std::initializer_list<FlatSymbolRefAttr> symbols) {
  SmallVector<Attribute> params;
  for (FlatSymbolRefAttr symbol : symbols)
    if (symbol)
      params.push_back(symbol);
  return params;
}

// A kernel that is given what it reads, then its rows of the result and memory of its own.
Kernel overRows(std::string name, std::vector<Argument> arguments) {
  arguments.insert(arguments.end(),
                   {{Argument::Output}, {Argument::Scratch}, {Argument::RowBegin}, {Argument::RowEnd}});
  return {std::move(name), std::move(arguments)};
}

// What all of them have alike: rows are dealt out to threads, few are done by all; nothing is kept between steps.
template <class Model, class Op>
class ConditionalModel : public KernelOpInterface::ExternalModel<Model, Op> {
public:
  plan::Share getShare(Operation *, plan::StepOp step, bool few) const {
    bool outputs = step.getDomain() == plan::Domain::outputs;
    return few && !outputs ? plan::Share::all : plan::Share::rows;
  }
  int64_t getStateBytes(Operation *) const { return 0; }
  bool masksLastVector(Operation *) const { return true; }

private:
  friend Model;
  template <class, class, class>
  friend class AnyExpertsModel;
  ConditionalModel() = default;
};

struct NeuronTreeModel : ConditionalModel<NeuronTreeModel, lm::NeuronTreeOp> {
  static lm::NeuronTreeOp tree(Operation *op) { return cast<lm::NeuronTreeOp>(op); }
  static PackedUse neurons(Operation *op) {
    SmallVector<Attribute> params =
        givenOf({tree(op).getWeightAttr(), tree(op).getBiasAttr(), tree(op).getValuesAttr(), tree(op).getNarrowAttr()});
    auto type = [&](FlatSymbolRefAttr symbol) { return symbol ? lm::lookupParam(op, symbol).getType() : Type(); };
    return {params, NeuronsAttr::get(op->getContext(), type(tree(op).getWeightAttr()), type(tree(op).getValuesAttr()),
                                     type(tree(op).getNarrowAttr()), static_cast<bool>(tree(op).getBiasAttr()))};
  }
  static NeuronTreeSpec specOf(Operation *op) {
    NeuronTreeSpec spec;
    spec.descent.rows = neuronRows(cast<NeuronsAttr>(neurons(op).layout));
    spec.descent.trees = static_cast<int64_t>(tree(op).getTrees());
    spec.descent.levels = lm::NeuronTreeOp::levelsOf(spec.descent.rows.neurons, spec.descent.trees);
    spec.descent.tieRight = tree(op).getTieRight();
    spec.descent.mostTokens = kPrefillRows;
    spec.kind = lm::activationOf(tree(op).getKind());
    spec.outStride = floatRowBytes(spec.descent.rows.outputs);
    return spec;
  }

  LogicalResult prepare(Operation *, plan::ProgramOp) const { return success(); }
  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<PackedUse> &uses) const {
    uses.push_back(neurons(op));
  }
  int64_t getScratchBytes(Operation *op) const { return specOf(op).descent.scratchBytes(); }
  StringRef getUnit(Operation *) const { return "f32"; }
  Kernel defineKernel(Operation *op, KernelLibrary &kernels, plan::StepOp step) const {
    NeuronTreeSpec spec = specOf(op);
    spec.outStride = rowStride(step.getResult(0));
    return overRows(neuronTreeKernel(kernels, spec), {{Argument::Input, inputNumber(tree(op).getInput())},
                                                      {Argument::Weight, weightNumber(step, neurons(op))}});
  }
};

struct TreeGatesModel : ConditionalModel<TreeGatesModel, lm::TreeGatesOp> {
  static lm::TreeGatesOp gates(Operation *op) { return cast<lm::TreeGatesOp>(op); }
  static bool several(Operation *op) { return gates(op).getCount() > 1; }
  static PackedUse nodes(Operation *op) {
    if (several(op))
      return packedPanels(op, gates(op).getWeightAttr(), gates(op).getBiasAttr());
    SmallVector<Attribute> params = givenOf({gates(op).getWeightAttr(), gates(op).getBiasAttr()});
    Type keys = lm::lookupParam(op, gates(op).getWeightAttr()).getType();
    return {params,
            NeuronsAttr::get(op->getContext(), keys, Type(), Type(), static_cast<bool>(gates(op).getBiasAttr()))};
  }
  static TreeGatesSpec oneSpec(Operation *op) {
    TreeGatesSpec spec;
    spec.descent.rows = neuronRows(cast<NeuronsAttr>(nodes(op).layout));
    spec.descent.levels = lm::NeuronTreeOp::levelsOf(spec.descent.rows.neurons, 1);
    spec.descent.tieRight = gates(op).getTieRight();
    spec.descent.mostTokens = kPrefillRows;
    return spec;
  }
  static SeveralGatesSpec severalSpec(Operation *op) {
    auto layout = cast<PanelsAttr>(nodes(op).layout);
    SeveralGatesSpec spec;
    spec.nodes = linearSpec(layout.getMatrix(), layout.getBias());
    spec.count = static_cast<int64_t>(gates(op).getCount());
    spec.tieRight = gates(op).getTieRight();
    return spec;
  }

  // Choosing takes a walk over all leaves for each.
  LogicalResult prepare(Operation *op, plan::ProgramOp) const {
    auto count = static_cast<int64_t>(gates(op).getCount()), leaves = lm::widthOf(gates(op).getResult());
    if (count > 1 && count < leaves && count * leaves > kMostSteps)
      return plan::refuse(op,
                          Twine(count) + " of " + Twine(leaves) + " leaves are too many to choose among; use fewer");
    return success();
  }
  static constexpr int64_t kMostSteps = int64_t{1} << 24;
  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<PackedUse> &uses) const {
    uses.push_back(nodes(op));
  }
  int64_t getScratchBytes(Operation *op) const {
    return several(op) ? severalSpec(op).scratchBytes() : oneSpec(op).descent.scratchBytes();
  }
  StringRef getUnit(Operation *) const { return "f32"; }
  Kernel defineKernel(Operation *op, KernelLibrary &kernels, plan::StepOp step) const {
    std::string name;
    if (several(op)) {
      SeveralGatesSpec spec = severalSpec(op);
      spec.outStride = rowStride(step.getResult(0));
      name = severalGatesKernel(kernels, spec);
    } else {
      TreeGatesSpec spec = oneSpec(op);
      spec.outStride = rowStride(step.getResult(0));
      name = treeGatesKernel(kernels, spec);
    }
    return overRows(std::move(name), {{Argument::Input, inputNumber(gates(op).getInput())},
                                      {Argument::Weight, weightNumber(step, nodes(op))}});
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

  LogicalResult prepare(Operation *, plan::ProgramOp) const { return success(); }
  void getPackedWeights(Operation *, plan::ProgramOp, SmallVectorImpl<PackedUse> &) const {}
  int64_t getScratchBytes(Operation *op) const { return specOf(op).scratchBytes(); }
  StringRef getUnit(Operation *) const { return "none"; }
  Kernel defineKernel(Operation *op, KernelLibrary &kernels, plan::StepOp step) const {
    TopGatesSpec spec = specOf(op);
    spec.outStride = rowStride(step.getResult(0));
    Kernel kernel;
    kernel.name = topGatesKernel(kernels, spec);
    kernel.arguments = {
        {Argument::Input}, {Argument::Output}, {Argument::Scratch}, {Argument::RowBegin}, {Argument::RowEnd}};
    return kernel;
  }
};

// What experts in f32 and in codes have alike: all but how their products are packed (`products`, of `Layout`).
template <class Model, class Op, class Layout>
class AnyExpertsModel : public ConditionalModel<Model, Op> {
public:
  static ExpertsSpec specOf(Operation *op) {
    ExpertsSpec spec = expertsSpec(cast<Layout>(Model::products(op).layout));
    spec.kind = lm::activationOf(cast<Op>(op).getKind());
    spec.mostTokens = kPrefillRows;
    return spec;
  }

  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<PackedUse> &uses) const {
    uses.push_back(Model::products(op));
  }
  int64_t getScratchBytes(Operation *op) const { return specOf(op).scratchBytes(); }
  Kernel defineKernel(Operation *op, KernelLibrary &kernels, plan::StepOp step) const {
    ExpertsSpec spec = specOf(op);
    spec.outStride = rowStride(step.getResult(0));
    return overRows(expertsKernel(kernels, spec), {{Argument::Input, inputNumber(cast<Op>(op).getInput())},
                                                   {Argument::Input, inputNumber(cast<Op>(op).getGates())},
                                                   {Argument::Weight, weightNumber(step, Model::products(op))}});
  }

private:
  friend Model;
  AnyExpertsModel() = default;
};

struct ExpertsModel : AnyExpertsModel<ExpertsModel, lm::ExpertsOp, ExpertsAttr> {
  static PackedUse products(Operation *op) {
    auto all = cast<lm::ExpertsOp>(op);
    SmallVector<Attribute> params = givenOf(
        {all.getWeightAttr(), all.getBiasAttr(), all.getUpAttr(), all.getValuesAttr(), all.getValuesBiasAttr()});
    auto matrix = [&](FlatSymbolRefAttr symbol) {
      return cast<RankedTensorType>(lm::lookupParam(op, symbol).getType());
    };
    auto layout = ExpertsAttr::get(op->getContext(), lm::widthOf(all.getGates()), matrix(all.getWeightAttr()),
                                   matrix(all.getValuesAttr()), static_cast<bool>(all.getBiasAttr()),
                                   static_cast<bool>(all.getUpAttr()), static_cast<bool>(all.getValuesBiasAttr()));
    return {params, layout};
  }
  LogicalResult prepare(Operation *, plan::ProgramOp) const { return success(); }
  StringRef getUnit(Operation *) const { return "f32"; }
};

struct GroupedExpertsModel : AnyExpertsModel<GroupedExpertsModel, lm::GroupedExpertsOp, GroupedExpertsAttr> {
  static PackedUse products(Operation *op) {
    auto all = cast<lm::GroupedExpertsOp>(op);
    auto type = [&](FlatSymbolRefAttr symbol) { return symbol ? lm::lookupParam(op, symbol).getType() : Type(); };
    auto layout = GroupedExpertsAttr::get(op->getContext(), lm::widthOf(all.getGates()), type(all.getWeightAttr()),
                                          type(all.getUpAttr()), type(all.getValuesAttr()));
    return {givenOf({all.getWeightAttr(), all.getUpAttr(), all.getValuesAttr()}), layout};
  }
  LogicalResult prepare(Operation *op, plan::ProgramOp) const {
    auto all = cast<lm::GroupedExpertsOp>(op);
    for (FlatSymbolRefAttr symbol : {all.getWeightAttr(), all.getUpAttr(), all.getValuesAttr()})
      if (symbol && failed(checkFormat(op, symbol)))
        return failure();
    return success();
  }
  StringRef getUnit(Operation *) const { return "u8s8"; }
};

struct NonzeroLinearModel : ConditionalModel<NonzeroLinearModel, lm::NonzeroLinearOp> {
  static lm::NonzeroLinearOp linear(Operation *op) { return cast<lm::NonzeroLinearOp>(op); }
  static PackedUse rows(Operation *op) {
    SmallVector<Attribute> params = givenOf({linear(op).getWeightAttr(), linear(op).getBiasAttr()});
    Type matrix = lm::lookupParam(op, linear(op).getWeightAttr()).getType();
    return {params, AddedRowsAttr::get(op->getContext(), matrix, static_cast<bool>(linear(op).getBiasAttr()))};
  }
  static NonzeroSpec specOf(Operation *op) { return nonzeroSpec(cast<AddedRowsAttr>(rows(op).layout)); }

  LogicalResult prepare(Operation *, plan::ProgramOp) const { return success(); }
  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<PackedUse> &uses) const {
    uses.push_back(rows(op));
  }
  int64_t getScratchBytes(Operation *op) const { return specOf(op).scratchBytes(); }
  StringRef getUnit(Operation *) const { return "f32"; }
  Kernel defineKernel(Operation *op, KernelLibrary &kernels, plan::StepOp step) const {
    NonzeroSpec spec = specOf(op);
    spec.outStride = rowStride(step.getResult(0));
    return overRows(nonzeroLinearKernel(kernels, spec), {{Argument::Input, inputNumber(linear(op).getInput())},
                                                         {Argument::Weight, weightNumber(step, rows(op))}});
  }
};
} // namespace

void registerConditionalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, lm::LMDialect *) {
    lm::NeuronTreeOp::attachInterface<NeuronTreeModel>(*context);
    lm::TreeGatesOp::attachInterface<TreeGatesModel>(*context);
    lm::TopGatesOp::attachInterface<TopGatesModel>(*context);
    lm::ExpertsOp::attachInterface<ExpertsModel>(*context);
    lm::GroupedExpertsOp::attachInterface<GroupedExpertsModel>(*context);
    lm::NonzeroLinearOp::attachInterface<NonzeroLinearModel>(*context);
  });
}

} // namespace lmopt::cpu
