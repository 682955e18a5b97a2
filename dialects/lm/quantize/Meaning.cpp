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

static reference::CodeRange rangeOf(CodeRangeAttr range) {
  return {range.getStep(), range.getFactor(), int32_t(range.getZero()), int32_t(range.getLeast()),
          int32_t(range.getGreatest())};
}

static FailureOr<RuntimeValues> fakeQuantize(FakeQuantizeOp op, Frame &frame) {
  return one(reference::fakeQuantize(frame.takeTensor(op.getInput()), rangeOf(op.getCodes())));
}

static FailureOr<RuntimeValues> quantizeStatic(QuantizeStaticOp op, Frame &frame) {
  return one(reference::quantizeStatic(frame.tensor(op.getInput()), rangeOf(op.getRange())));
}

void lmopt::lm::registerQuantizeMeanings(DialectRegistry &registry) {
  addMeanings<narrow, rotate, quantizeDynamic, quantizeGroups, fakeQuantize, quantizeStatic>(registry);
}
