// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.scale_rows: diag(v) W. Tested by test/dialects/lm/weights*.mlir and test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult ScaleRowsAttr::verify(EmitError emitError, Attribute source, Attribute vector) {
  FailureOr<WeightForm> form = expectF32(emitError, source, {"C1", "the source", 1, 2});
  return failed(form) ? failure() : expectVector(emitError, vector, *form, 0, {"C1", "the vector", 1, 1});
}
WeightForm ScaleRowsAttr::getForm() const { return deriveForm({getSource(), getVector()}); }

FailureOr<WeightData> ScaleRowsAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> source = evaluation.readF32(getSource(), 1, 2, *this);
  if (failed(source))
    return failure();
  FailureOr<WeightData> vector = evaluation.readF32(getVector(), 1, 1, *this);
  if (failed(vector) || failed(evaluation.expectVector(*vector, source->rows(), *this)))
    return failure();
  const size_t width = source->f32.size() / vector->f32.size();
  for (size_t i = 0; i < source->f32.size(); ++i)
    source->f32[i] *= vector->f32[i / width];
  return source;
}
