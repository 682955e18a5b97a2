// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.refit_columns: the kept columns of a matrix, refitted; and #lm.statistics, which it is refitted to. Tested by
// test/dialects/lm/weights*.mlir, test/unit/dialects/WeightsTest.cpp and test/passes/prune-ffn.
#include "dialects/lm/weights/Refit.h"

#include "dialects/lm/weights/Forms.h"

#include "files/safetensors/Statistics.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

LogicalResult StatisticsAttr::verify(EmitError emitError, StringRef path, StringRef key) {
  return verifyFileReference(emitError, path, key);
}

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

static FailureOr<InputMoments> readMoments(Evaluation &evaluation, StatisticsAttr statistics, int64_t width) {
  const SafetensorsFile *file = evaluation.openSafetensors(statistics.getPath());
  if (!file)
    return failure();
  std::string name = statistics.getKey().str();
  Result<int64_t> tokens = statisticsTokens(*file);
  if (!tokens)
    return evaluation.error(tokens.error());
  Result<std::vector<double>> products = readStatistics(*file, name + ".products", width * (width + 1) / 2);
  if (!products)
    return evaluation.error(products.error());
  Result<std::vector<double>> sums = readStatistics(*file, name + ".sums", width);
  if (!sums)
    return evaluation.error(sums.error());
  InputMoments moments = {centredMoments(*products, *sums, *tokens), sums.take()};
  for (double &sum : moments.mean)
    sum /= static_cast<double>(*tokens);
  return moments;
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

LogicalResult lmopt::lm::refuseMoments(Evaluation &evaluation, RefitColumnsAttr weight) {
  return evaluation.error() << "the statistics " << weight.getStatistics() << " are not those of values: their moments "
                            << "are not finite or not positive definite; calibrate again, or take a greater damping";
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
    return refuseMoments(evaluation, *this);
  return result;
}
