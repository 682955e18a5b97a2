// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conditional layers for CPUs: trees of neurons. Tested by test/codegen/run-compiled/conditional.mlir and the
// end-to-end tests.
#include "codegen/cpu/conditional/ConditionalModel.h"

#include "codegen/cpu/SchedulePrograms.h"
#include "codegen/plan/FormSteps.h"
#include "dialects/lm/Verify.h"
#include "dialects/lm/conditional/Conditional.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

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
  ConditionalModel() = default;
};

struct NeuronTreeModel : ConditionalModel<NeuronTreeModel, lm::NeuronTreeOp> {
  static lm::NeuronTreeOp tree(Operation *op) { return cast<lm::NeuronTreeOp>(op); }
  static PackedUse neurons(Operation *op) {
    SmallVector<Attribute> params = {tree(op).getWeightAttr()};
    if (tree(op).getBiasAttr())
      params.push_back(tree(op).getBiasAttr());
    params.push_back(tree(op).getValuesAttr());
    if (tree(op).getNarrowAttr())
      params.push_back(tree(op).getNarrowAttr());
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
    Kernel kernel;
    kernel.name = neuronTreeKernel(kernels, spec);
    kernel.arguments = {{Argument::Input, inputNumber(tree(op).getInput())},
                        {Argument::Weight, weightNumber(step, neurons(op))},
                        {Argument::Output},
                        {Argument::Scratch},
                        {Argument::RowBegin},
                        {Argument::RowEnd}};
    return kernel;
  }
};
} // namespace

void registerConditionalModels(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *context, lm::LMDialect *) { lm::NeuronTreeOp::attachInterface<NeuronTreeModel>(*context); });
}

} // namespace lmopt::cpu
