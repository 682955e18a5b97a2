// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the ops of Elementwise.td compute: from MLIR to the plain functions of Reference.h. Tested by
// test/dialects/lm/elementwise.

#include "dialects/lm/elementwise/Elementwise.h"
#include "dialects/lm/elementwise/Reference.h"
#include "dialects/lm/interpreter/Frame.h"

using namespace mlir;
using namespace lmopt::lm;

static FailureOr<RuntimeValues> add(AddOp op, Frame &frame) {
  return one(reference::add(frame.tensor(op.getLhs()), frame.tensor(op.getRhs())));
}

static FailureOr<RuntimeValues> biasAdd(BiasAddOp op, Frame &frame) {
  FailureOr<const float *> bias = frame.vector(op, op.getVectorAttr());
  if (failed(bias))
    return failure();
  return one(reference::biasAdd(frame.takeTensor(op.getInput()), *bias));
}

static FailureOr<RuntimeValues> activation(ActivationOp op, Frame &frame) {
  return one(reference::activation(frame.takeTensor(op.getInput()), activationOf(op.getKind())));
}

static FailureOr<RuntimeValues> gatedProduct(GatedProductOp op, Frame &frame) {
  return one(reference::gatedProduct(frame.tensor(op.getGate()), frame.tensor(op.getUp()), activationOf(op.getKind())));
}

static FailureOr<RuntimeValues> softCap(SoftCapOp op, Frame &frame) {
  return one(reference::softCap(frame.takeTensor(op.getInput()), op.getCap().convertToDouble()));
}

void lmopt::lm::registerElementwiseMeanings(DialectRegistry &registry) {
  addMeanings<add, biasAdd, activation, gatedProduct, softCap>(registry);
}
