// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.drop_rows: a matrix without its first rows. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult DropRowsAttr::verify(EmitError emitError, Attribute source, int64_t count) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  if (failed(form))
    return failure();
  if (count < 0)
    return emitError() << "C1: expected a number of rows that is not negative, found " << count;
  if (form->shape && count >= form->shape->front())
    return emitError() << "C1: a matrix of " << form->shape->front() << " rows has nothing left without " << count;
  return success();
}
WeightForm DropRowsAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  if (form.shape)
    form.shape->front() -= getCount();
  return form;
}

FailureOr<WeightData> DropRowsAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> read = evaluation.readF32(getSource(), 2, 2, *this);
  if (failed(read))
    return failure();
  WeightData &matrix = *read;
  if (getCount() >= matrix.rows())
    return evaluation.error() << "a matrix of " << matrix.rows() << " rows has nothing left without " << getCount();
  matrix.f32.erase(matrix.f32.begin(), matrix.f32.begin() + getCount() * matrix.columns());
  matrix.shape.front() -= getCount();
  return read;
}
