// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.scale: a weight times a number. Tested by test/dialects/lm/weights*.mlir and test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult ScaleAttr::verify(EmitError emitError, Attribute source, Real) {
  return expectF32(emitError, source, {"C1", "the source", 1, 4});
}
WeightForm ScaleAttr::getForm() const { return deriveForm(getSource()); }

FailureOr<WeightData> ScaleAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> read = evaluation.readF32(getSource(), 1, 4, *this);
  if (failed(read))
    return failure();
  WeightData &source = *read;
  for (float &x : source.f32)
    x = float(x * double(getFactor()));
  return read;
}
