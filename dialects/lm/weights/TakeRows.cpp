// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.take_rows: some rows of a matrix, or some numbers of a vector. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/MoveRows.h"

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

FailureOr<WeightData> TakeRowsAttr::take(Evaluation &evaluation, WeightData source) const {
  if (source.s8.empty() && failed(evaluation.expectF32(source, 1, 2, *this)))
    return failure();
  ArrayRef<int64_t> kept = getKept();
  if (kept.back() >= source.rows())
    return evaluation.error() << "row " << kept.back() << " is to be kept, but there are " << source.rows();
  moveRows(source, static_cast<int64_t>(kept.size()), [&](int64_t row) { return kept[row]; });
  return source;
}

FailureOr<WeightData> TakeRowsAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> source = evaluation.read(getSource());
  return failed(source) ? source : take(evaluation, std::move(*source));
}
