// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.refit_columns: the kept columns of a matrix, refitted. Tested by test/dialects/lm/weights*.mlir,
// test/unit/dialects/WeightsTest.cpp and test/passes/prune-ffn.
#include "dialects/lm/weights/Refit.h"

#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

LogicalResult RefitColumnsAttr::verify(EmitError emitError, Attribute source, StatisticsAttr, ArrayRef<int64_t> kept,
                                       Real damping) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  if (failed(form) || failed(expectKept(emitError, kept, form->shape ? form->shape->back() : INT64_MAX, "columns")))
    return failure();
  if (!(damping.value > 0))
    return emitError() << "C3: expected a positive damping, found " << damping.value;
  return success();
}
WeightForm RefitColumnsAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  if (form.shape)
    form.shape->back() = static_cast<int64_t>(getKept().size());
  return form;
}

FailureOr<RefitSources> lmopt::lm::readRefitSources(Evaluation &evaluation, RefitColumnsAttr weight) {
  FailureOr<WeightData> source = evaluation.readF32(weight.getSource(), 2, 2, weight);
  if (failed(source))
    return failure();
  if (weight.getKept().back() >= source->columns())
    return evaluation.error() << "column " << weight.getKept().back() << " is to be kept, but there are "
                              << source->columns();
  FailureOr<InputMoments> moments = readMoments(evaluation, weight.getStatistics(), source->columns());
  if (failed(moments))
    return failure();
  return RefitSources{std::move(*source), std::move(*moments)};
}

FailureOr<WeightData> RefitColumnsAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<RefitSources> sources = readRefitSources(evaluation, *this);
  if (failed(sources))
    return failure();
  WeightData result;
  result.shape = {sources->weight.rows(), static_cast<int64_t>(getKept().size())};
  result.f32 = refitColumns(sources->weight.f32.data(), sources->weight.rows(), sources->moments.centred,
                            getKept().vec(), getDamping().value);
  if (result.f32.empty())
    return refuseMoments(evaluation, getStatistics());
  return result;
}
