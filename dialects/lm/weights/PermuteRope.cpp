// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.permute_rope: rows of each head from one rotary layout to the other. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/MoveRows.h"
#include "dialects/lm/weights/WeightKernels.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult PermuteRopeAttr::verify(EmitError emitError, Attribute source, int64_t heads, RopeLayout, int64_t dims) {
  FailureOr<WeightForm> form = expectF32(emitError, source, {"C1", "the source", 1, 2});
  if (failed(form))
    return failure();
  if (heads <= 0 || (form->shape && form->shape->front() % heads != 0))
    return emitError() << "C2: expected heads that divide the rows"
                       << (form->shape ? " (" + std::to_string(form->shape->front()) + ")" : "") << ", but found "
                       << heads;
  int64_t headRows = form->shape ? form->shape->front() / heads : 0;
  if (dims < 0 || dims % 2 != 0 || (form->shape && (dims > headRows || (dims == 0 && headRows % 2 != 0))))
    return emitError() << "C3: expected an even number of dims"
                       << (form->shape ? ", at most " + std::to_string(headRows) : "") << ", but found "
                       << (dims == 0 ? headRows : dims);
  return success();
}
WeightForm PermuteRopeAttr::getForm() const { return deriveForm(getSource()); }

FailureOr<WeightData> PermuteRopeAttr::permute(Evaluation &evaluation, WeightData source) const {
  if (source.s8.empty() && failed(evaluation.expectF32(source, 1, 2, *this)))
    return failure();
  int64_t rows = source.rows();
  int64_t headRows = rows / getHeads(), dims = getDims() ? getDims() : headRows;
  if (rows % getHeads() != 0 || dims > headRows || dims % 2 != 0)
    return evaluation.error() << "cannot permute " << dims << " rotary rows in each of " << getHeads()
                              << " heads of a weight with " << rows << " rows";
  bool fromInterleaved = getFrom() == RopeLayout::interleaved;
  auto from = [&](int64_t row) { return permutedRow(row, headRows, dims, fromInterleaved); };
  moveRows(source, rows, from);
  return source;
}

FailureOr<WeightData> PermuteRopeAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> source = evaluation.read(getSource());
  return failed(source) ? source : permute(evaluation, std::move(*source));
}
