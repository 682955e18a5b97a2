// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.scale_columns: W diag(v). Tested by test/dialects/lm/weights*.mlir and test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/CombineColumns.h"
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult ScaleColumnsAttr::verify(EmitError emitError, Attribute source, Attribute vector) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  return failed(form) ? failure() : expectVector(emitError, vector, *form, 1, {"C1", "the vector", 1, 1});
}
WeightForm ScaleColumnsAttr::getForm() const { return deriveForm({getSource(), getVector()}); }

FailureOr<WeightData> ScaleColumnsAttr::evaluate(Evaluation &evaluation) const {
  return combineColumns(evaluation, *this, [](float x, float y) { return x * y; });
}
