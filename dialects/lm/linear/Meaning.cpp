// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the ops of Linear.td compute: from MLIR to the plain functions of Reference.h. Tested by
// test/dialects/lm/linear.

#include "dialects/lm/interpreter/Frame.h"
#include "dialects/lm/linear/Linear.h"
#include "dialects/lm/linear/Reference.h"

using namespace mlir;
using namespace lmopt::lm;

/// LinearOp and NarrowLinearOp.
template <typename Op>
static FailureOr<RuntimeValues> linear(Op op, Frame &frame) {
  FailureOr<reference::Weight> weight = frame.matrix(op, op.getWeightAttr());
  FailureOr<const float *> bias = frame.vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(reference::linear(frame.tensor(op.getInput()), *weight, *bias));
}

static FailureOr<RuntimeValues> quantizedLinear(QuantizedLinearOp op, Frame &frame) {
  FailureOr<reference::Weight> weight = frame.matrix(op, op.getWeightAttr());
  FailureOr<const float *> bias = frame.vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(reference::quantizedLinear(frame.tensor(op.getCodes()), frame.tensor(op.getScale()),
                                        frame.tensor(op.getZero()), *weight, *bias));
}

static FailureOr<RuntimeValues> groupedLinear(GroupedLinearOp op, Frame &frame) {
  FailureOr<reference::Weight> weight = frame.matrix(op, op.getWeightAttr());
  FailureOr<const float *> bias = frame.vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(reference::groupedLinear(frame.tensor(op.getCodes()), frame.tensor(op.getScale()), *weight, *bias));
}

void lmopt::lm::registerLinearMeanings(DialectRegistry &registry) {
  addMeanings<linear<LinearOp>, linear<NarrowLinearOp>, quantizedLinear, groupedLinear>(registry);
}
