// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the ops of Quantize.td compute: from MLIR to the plain functions of Reference.h. Tested by
// test/dialects/lm/quantize.

#include "dialects/lm/interpreter/Frame.h"
#include "dialects/lm/quantize/Quantize.h"
#include "dialects/lm/quantize/Reference.h"

using namespace mlir;
using namespace lmopt::lm;

static FailureOr<RuntimeValues> narrow(NarrowOp op, Frame &frame) {
  return one(reference::narrow(frame.takeTensor(op.getInput())));
}

static FailureOr<RuntimeValues> rotate(RotateOp op, Frame &frame) {
  return one(reference::rotate(frame.takeTensor(op.getInput()), op.getBlock()));
}

static FailureOr<RuntimeValues> quantizeDynamic(QuantizeDynamicOp op, Frame &frame) {
  return one(reference::quantizeDynamic(frame.tensor(op.getInput())));
}

static FailureOr<RuntimeValues> quantizeGroups(QuantizeGroupsOp op, Frame &frame) {
  return one(reference::quantizeGroups(frame.tensor(op.getInput()), op.getGroup()));
}

void lmopt::lm::registerQuantizeMeanings(DialectRegistry &registry) {
  addMeanings<narrow, rotate, quantizeDynamic, quantizeGroups>(registry);
}
