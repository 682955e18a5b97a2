// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.concat_rows: several matrices below one another. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult ConcatRowsAttr::verify(EmitError emitError, ArrayRef<Attribute> sources) {
  if (sources.empty())
    return emitError() << "C1: expected at least one source";
  std::optional<size_t> rank;
  std::optional<int64_t> columns;
  for (Attribute source : sources) {
    FailureOr<WeightForm> form = expectF32(emitError, source, {"C1", "each source", 1, 2});
    if (failed(form))
      return failure();
    if (!form->shape)
      continue; // only its file knows
    if (form->shape->size() != rank.value_or(form->shape->size()))
      return emitError() << "C1: expected matrices or vectors, but found both";
    rank = form->shape->size();
    if (*rank == 2 && form->shape->back() != columns.value_or(form->shape->back()))
      return emitError() << "C2: expected " << *columns << " columns in each matrix, but found " << form->shape->back();
    columns = form->shape->back();
  }
  return success();
}

WeightForm ConcatRowsAttr::getForm() const {
  WeightForm form;
  form.leaves = 0;
  int64_t rows = 0;
  bool isKnown = true;
  for (Attribute source : getSources()) { // each is asked once, see deriveForm
    WeightForm one = *getWeightForm(source);
    form.depth = std::max(form.depth, one.depth + 1);
    form.leaves += one.leaves;
    isKnown &= one.shape.has_value();
    rows += one.shape ? one.shape->front() : 0;
    form.shape = one.shape;
  }
  if (isKnown)
    form.shape->front() = rows;
  else
    form.shape.reset();
  return form;
}

FailureOr<WeightData> ConcatRowsAttr::evaluate(Evaluation &evaluation) const {
  WeightData all;
  for (Attribute source : getSources()) {
    FailureOr<WeightData> one = evaluation.readF32(source, 1, 2, *this);
    if (failed(one))
      return failure();
    if (all.shape.empty()) {
      all = std::move(*one);
      all.f32.reserve(all.f32.size() *
                      getSources().size()); // of experts all that there will be: nothing is copied twice
      continue;
    }
    if (ArrayRef<int64_t>(one->shape).drop_front() != ArrayRef<int64_t>(all.shape).drop_front())
      return evaluation.error() << "expected sources with rows of one width, but found " << shapeText(all.shape)
                                << " and " << shapeText(one->shape);
    all.shape.front() += one->shape.front();
    all.f32.insert(all.f32.end(), one->f32.begin(), one->f32.end());
  }
  return all;
}
