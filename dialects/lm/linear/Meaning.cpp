// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the ops of Linear.td compute: from MLIR to the plain functions of Reference.h. Tested by
// test/dialects/lm/linear.

#include "dialects/lm/interpreter/Frame.h"
#include "dialects/lm/linear/Linear.h"
#include "dialects/lm/linear/Reference.h"

using namespace mlir;
using namespace lmopt::lm;

/// `Product` of the input, which is of the kind that the op takes, with weight and bias.
template <typename Op, auto Input, auto Product>
static FailureOr<RuntimeValues> product(Op op, Frame &frame) {
  FailureOr<reference::Weight> weight = frame.matrix(op, op.getWeightAttr());
  FailureOr<const float *> bias = frame.vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(Product((frame.*Input)(op.getInput()), *weight, *bias));
}

void lmopt::lm::registerLinearMeanings(DialectRegistry &registry) {
  addMeanings<product<LinearOp, &Frame::tensor, reference::linear>,
              product<NarrowLinearOp, &Frame::tensor, reference::linear>,
              product<QuantizedLinearOp, &Frame::codes, reference::quantizedLinear>,
              product<GroupedLinearOp, &Frame::codes, reference::groupedLinear>,
              product<CodebookLinearOp, &Frame::tensor, reference::codebookLinear>>(registry);
}
