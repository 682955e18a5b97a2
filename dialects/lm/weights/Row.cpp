// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.row: one row of a matrix, as a vector. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult RowAttr::verify(EmitError emitError, Attribute source, int64_t index) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  if (failed(form))
    return failure();
  if (index < 0 || (form->shape && index >= form->shape->front()))
    return emitError() << "C1: row " << index << " does not exist"
                       << (form->shape ? " in a matrix of " + std::to_string(form->shape->front()) + " rows" : "");
  return success();
}
WeightForm RowAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  if (form.shape)
    form.shape->erase(form.shape->begin());
  return form;
}

FailureOr<WeightData> RowAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> read = evaluation.readF32(getSource(), 2, 2, *this);
  if (failed(read))
    return failure();
  WeightData &source = *read;
  if (getIndex() >= source.rows())
    return evaluation.error() << "row " << getIndex() << " does not exist in a matrix of " << source.rows() << " rows";
  auto begin = source.f32.begin() + getIndex() * source.columns();
  WeightData row;
  row.shape = {source.columns()};
  row.f32.assign(begin, begin + source.columns());
  return row;
}
