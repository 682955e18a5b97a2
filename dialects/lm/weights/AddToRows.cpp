// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.add_to_rows: a vector added to each row. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/CombineColumns.h"
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult AddToRowsAttr::verify(EmitError emitError, Attribute source, Attribute vector) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  return failed(form) ? failure() : expectVector(emitError, vector, *form, 1, {"C1", "the vector", 1, 1});
}
WeightForm AddToRowsAttr::getForm() const { return deriveForm({getSource(), getVector()}); }

FailureOr<WeightData> AddToRowsAttr::evaluate(Evaluation &evaluation) const {
  return combineColumns(evaluation, *this, [](float x, float y) { return x + y; });
}
