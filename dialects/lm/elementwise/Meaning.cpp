// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the ops of Elementwise.td compute: from MLIR to the plain functions of Reference.h. Tested by
// test/dialects/lm/elementwise.

#include "dialects/lm/elementwise/Elementwise.h"
#include "dialects/lm/elementwise/Reference.h"
#include "dialects/lm/interpreter/Frame.h"

using namespace mlir;
using namespace lmopt::lm;

static reference::Function functionOf(ActivationKind kind) {
  switch (kind) {
  case ActivationKind::gelu:
    return reference::Function::gelu;
  case ActivationKind::gelu_tanh:
    return reference::Function::geluTanh;
  case ActivationKind::silu:
    return reference::Function::silu;
  case ActivationKind::relu:
    return reference::Function::relu;
  case ActivationKind::tanh:
    return reference::Function::tanh;
  }
  llvm_unreachable("all kinds are listed");
}

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
  return one(reference::activation(frame.takeTensor(op.getInput()), functionOf(op.getKind())));
}

static FailureOr<RuntimeValues> gatedProduct(GatedProductOp op, Frame &frame) {
  return one(reference::gatedProduct(frame.tensor(op.getGate()), frame.tensor(op.getUp()), functionOf(op.getKind())));
}

void lmopt::lm::registerElementwiseMeanings(DialectRegistry &registry) {
  addMeanings<add, biasAdd, activation, gatedProduct>(registry);
}
