// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the ops of Conditional.td compute: from MLIR to the plain functions of Reference.h. Tested by
// test/dialects/lm/conditional.

#include "dialects/lm/conditional/Conditional.h"
#include "dialects/lm/conditional/Reference.h"
#include "dialects/lm/interpreter/Frame.h"

using namespace mlir;
using namespace lmopt::lm;

static FailureOr<RuntimeValues> neuronTree(NeuronTreeOp op, Frame &frame) {
  FailureOr<reference::Weight> weight = frame.matrix(op, op.getWeightAttr());
  FailureOr<reference::Weight> values = frame.matrix(op, op.getValuesAttr());
  FailureOr<const float *> bias = frame.vector(op, op.getBiasAttr());
  if (failed(weight) || failed(values) || failed(bias))
    return failure();
  auto trees = static_cast<int64_t>(op.getTrees());
  reference::NeuronTrees all{trees,
                             NeuronTreeOp::levelsOf(weight->rows, trees),
                             *weight,
                             *values,
                             *bias,
                             activationOf(op.getKind()),
                             op.getTieRight(),
                             nullptr};
  if (!op.getNarrowAttr())
    return one(reference::neuronTree(frame.tensor(op.getInput()), all));
  FailureOr<reference::Weight> narrow = frame.matrix(op, op.getNarrowAttr());
  if (failed(narrow))
    return failure();
  all.narrow = &*narrow;
  return one(reference::neuronTree(frame.tensor(op.getInput()), all));
}

static FailureOr<RuntimeValues> treeGates(TreeGatesOp op, Frame &frame) {
  FailureOr<reference::Weight> weight = frame.matrix(op, op.getWeightAttr());
  FailureOr<const float *> bias = frame.vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(reference::treeGates(frame.tensor(op.getInput()), *weight, *bias, static_cast<int64_t>(op.getCount()),
                                  op.getTieRight()));
}

static FailureOr<RuntimeValues> topGates(TopGatesOp op, Frame &frame) {
  return one(
      reference::topGates(frame.tensor(op.getScores()), static_cast<int64_t>(op.getCount()), op.getSoftmax().str()));
}

/// The numbers of an optional matrix.
static FailureOr<const float *> optionalMatrix(Operation *op, Frame &frame, FlatSymbolRefAttr symbol) {
  if (!symbol)
    return static_cast<const float *>(nullptr);
  FailureOr<reference::Weight> weight = frame.matrix(op, symbol);
  return failed(weight) ? FailureOr<const float *>(failure()) : weight->f32;
}

static FailureOr<RuntimeValues> experts(ExpertsOp op, Frame &frame) {
  FailureOr<reference::Weight> weight = frame.matrix(op, op.getWeightAttr());
  FailureOr<reference::Weight> values = frame.matrix(op, op.getValuesAttr());
  FailureOr<const float *> bias = frame.vector(op, op.getBiasAttr());
  FailureOr<const float *> up = optionalMatrix(op, frame, op.getUpAttr());
  FailureOr<const float *> valuesBias = optionalMatrix(op, frame, op.getValuesBiasAttr());
  if (failed(weight) || failed(values) || failed(bias) || failed(up) || failed(valuesBias))
    return failure();
  return one(reference::experts(frame.tensor(op.getInput()), frame.tensor(op.getGates()),
                                {*weight, *values, *bias, *up, *valuesBias, activationOf(op.getKind())}));
}

static FailureOr<RuntimeValues> groupedExperts(GroupedExpertsOp op, Frame &frame) {
  FailureOr<reference::Weight> weight = frame.matrix(op, op.getWeightAttr());
  FailureOr<reference::Weight> values = frame.matrix(op, op.getValuesAttr());
  FailureOr<reference::Weight> up = op.getUpAttr() ? frame.matrix(op, op.getUpAttr()) : reference::Weight();
  if (failed(weight) || failed(values) || failed(up))
    return failure();
  reference::GroupedExperts all{*weight, *values, op.getUpAttr() ? &*up : nullptr, activationOf(op.getKind())};
  return one(reference::groupedExperts(frame.codes(op.getInput()), frame.tensor(op.getGates()), all));
}

static FailureOr<RuntimeValues> nonzeroLinear(NonzeroLinearOp op, Frame &frame) {
  FailureOr<reference::Weight> weight = frame.matrix(op, op.getWeightAttr());
  FailureOr<const float *> bias = frame.vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(reference::nonzeroLinear(frame.tensor(op.getInput()), *weight, *bias));
}

void lmopt::lm::registerConditionalMeanings(DialectRegistry &registry) {
  addMeanings<neuronTree, treeGates, topGates, experts, groupedExperts, nonzeroLinear>(registry);
}
