// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.take_rows: some rows of a matrix, or some numbers of a vector. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult TakeRowsAttr::verify(EmitError emitError, Attribute source, ArrayRef<int64_t> kept) {
  FailureOr<WeightForm> form = expectF32(emitError, source, {"C1", "the source", 1, 2});
  if (failed(form))
    return failure();
  return expectKept(emitError, kept, form->shape ? form->shape->front() : INT64_MAX, "rows");
}
WeightForm TakeRowsAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  if (form.shape)
    form.shape->front() = static_cast<int64_t>(getKept().size());
  return form;
}

FailureOr<WeightData> TakeRowsAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> read = evaluation.readF32(getSource(), 1, 2, *this);
  if (failed(read))
    return failure();
  if (getKept().back() >= read->rows())
    return evaluation.error() << "row " << getKept().back() << " is to be kept, but there are " << read->rows();
  int64_t width = read->shape.size() == 2 ? read->columns() : 1;
  WeightData result;
  result.shape = read->shape;
  result.shape.front() = static_cast<int64_t>(getKept().size());
  for (int64_t row : getKept())
    result.f32.insert(result.f32.end(), read->f32.begin() + row * width, read->f32.begin() + (row + 1) * width);
  return result;
}
