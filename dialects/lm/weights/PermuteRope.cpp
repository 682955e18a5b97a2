// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.permute_rope: rows of each head from one rotary layout to the other. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"
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

/// Row r of the result is row from(r) of the source; `columns` elements a row.
template <class T, class From>
static std::vector<T> permuteRows(const std::vector<T> &source, int64_t columns, From from) {
  std::vector<T> result(source.size());
  for (int64_t r = 0, rows = columns ? int64_t(source.size()) / columns : 0; r < rows; ++r)
    std::copy_n(source.begin() + from(r) * columns, columns, result.begin() + r * columns);
  return result;
}

FailureOr<WeightData> PermuteRopeAttr::permute(Evaluation &evaluation, WeightData source) const {
  if (source.groupedBits == 0 && failed(evaluation.expectF32(source, 1, 2, *this)))
    return failure();
  int64_t rows = source.rows(), columns = source.shape.size() == 2 ? source.columns() : 1;
  int64_t headRows = rows / getHeads(), dims = getDims() ? getDims() : headRows;
  if (rows % getHeads() != 0 || dims > headRows || dims % 2 != 0)
    return evaluation.error() << "cannot permute " << dims << " rotary rows in each of " << getHeads()
                              << " heads of a weight with " << rows << " rows";
  bool fromInterleaved = getFrom() == RopeLayout::interleaved;
  auto from = [&](int64_t row) { return permutedRow(row, headRows, dims, fromInterleaved); };
  source.f32 = permuteRows(source.f32, columns, from);
  source.s8 = permuteRows(source.s8, columns, from);
  if (source.groupedBits != 0) {
    source.scales = permuteRows(source.scales, source.groupsPerRow(), from);
    source.minima = permuteRows(source.minima, source.groupsPerRow(), from);
    source.units = permuteRows(source.units, 1, from);
  }
  return source;
}

FailureOr<WeightData> PermuteRopeAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> source = evaluation.read(getSource());
  return failed(source) ? source : permute(evaluation, std::move(*source));
}
