// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.reorder_rows: rows in another order. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/MoveRows.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult ReorderRowsAttr::verify(EmitError emitError, Attribute source, ArrayRef<int64_t> order) {
  FailureOr<WeightForm> form = expectF32(emitError, source, {"C1", "the source", 1, 2});
  if (failed(form))
    return failure();
  if (!isPermutation(order) || (form->shape && form->shape->front() != static_cast<int64_t>(order.size())))
    return emitError() << "C2: expected each row of the source once, but found an order of " << order.size() << " rows"
                       << (form->shape ? " for " + std::to_string(form->shape->front()) : "");
  return success();
}
WeightForm ReorderRowsAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  if (form.shape)
    form.shape->front() = static_cast<int64_t>(getOrder().size());
  return form;
}

FailureOr<WeightData> ReorderRowsAttr::reorder(Evaluation &evaluation, WeightData source) const {
  ArrayRef<int64_t> order = getOrder();
  if (source.rows() != static_cast<int64_t>(order.size()))
    return evaluation.error() << "the order is of " << order.size() << " rows, but there are " << source.rows();
  moveRows(source, source.rows(), [&](int64_t row) { return order[row]; });
  return source;
}

FailureOr<WeightData> ReorderRowsAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> source = evaluation.readF32(getSource(), 1, 2, *this);
  return failed(source) ? source : reorder(evaluation, std::move(*source));
}
