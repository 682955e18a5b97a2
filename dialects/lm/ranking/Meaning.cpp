// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the ops of Ranking.td compute: from MLIR to the plain functions of Reference.h. Tested by
// test/dialects/lm/ranking.

#include "dialects/lm/interpreter/Frame.h"
#include "dialects/lm/linear/Reference.h"
#include "dialects/lm/ranking/Ranking.h"
#include "dialects/lm/ranking/Reference.h"

using namespace mlir;
using namespace lmopt::lm;

static FailureOr<RuntimeValues> topLinear(TopLinearOp op, Frame &frame) {
  FailureOr<reference::Weight> weight = frame.matrix(op, op.getWeightAttr());
  FailureOr<const float *> bias = frame.vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(reference::topLinear(frame.tensor(op.getInput()), *weight, *bias, op.getCount()));
}

static FailureOr<RuntimeValues> previewLinear(PreviewLinearOp op, Frame &frame) {
  FailureOr<reference::Weight> weight = frame.matrix(op, op.getWeightAttr());
  FailureOr<const float *> bias = frame.vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(reference::previewLinear(frame.tensor(op.getInput()), *weight, *bias, frame.tensor(op.getPreview()),
                                      op.getCount()));
}

static reference::Classes classesOf(ClassesAttr classes) {
  return {classes.getWords().data(), classes.getSizes().data(), static_cast<int64_t>(classes.getSizes().size())};
}

static FailureOr<RuntimeValues> classLogits(ClassLogitsOp op, Frame &frame) {
  return one(
      reference::classLogits(frame.tensor(op.getProducts()), frame.tensor(op.getScores()), classesOf(op.getClasses())));
}

/// The product of an input and a weight in the format that goes with it (C1).
static reference::Tensor product(Value input, const reference::Weight &weight, const float *bias, Frame &frame) {
  auto codes = dyn_cast<CodesType>(input.getType());
  if (!codes)
    return reference::linear(frame.tensor(input), weight, bias);
  return codes.getIsSigned() ? reference::groupedLinear(frame.codes(input), weight, bias)
                             : reference::quantizedLinear(frame.codes(input), weight, bias);
}

static FailureOr<RuntimeValues> topClassLinear(TopClassLinearOp op, Frame &frame) {
  FailureOr<reference::Weight> weight = frame.matrix(op, op.getWeightAttr());
  FailureOr<const float *> bias = frame.vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  reference::Tensor y = reference::classLogits(product(op.getInput(), *weight, *bias, frame),
                                               frame.tensor(op.getScores()), classesOf(op.getClasses()));
  reference::keepGreatest(y, op.getCount());
  return one(std::move(y));
}

static reference::Tree treeOf(WordTreeAttr tree) {
  return {tree.getLeft().data(), tree.getRight().data(), tree.getNodes()};
}

static FailureOr<RuntimeValues> treeLogits(TreeLogitsOp op, Frame &frame) {
  return one(reference::treeLogits(frame.tensor(op.getScores()), treeOf(op.getTree())));
}

static FailureOr<RuntimeValues> treeScore(TreeScoreOp op, Frame &frame) {
  FailureOr<reference::Weight> weight = frame.matrix(op, op.getWeightAttr());
  FailureOr<const float *> bias = frame.vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(op, reference::treeScore(product(op.getInput(), *weight, *bias, frame), treeOf(op.getTree()),
                                      frame.tensor(op.getTargets())));
}

void lmopt::lm::registerRankingMeanings(DialectRegistry &registry) {
  addMeanings<topLinear, classLogits, topClassLinear, previewLinear, treeLogits, treeScore>(registry);
}
