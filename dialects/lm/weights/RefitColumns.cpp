// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.refit_columns: the kept columns of a matrix, refitted; and #lm.statistics, which it is refitted to. Tested by
// test/dialects/lm/weights*.mlir, test/unit/dialects/WeightsTest.cpp and test/passes/prune-ffn.
#include "dialects/lm/weights/Refit.h"

#include "dialects/lm/weights/Forms.h"

#include <cstring>

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

/// The numbers of NAME.suffix as f64.
static FailureOr<std::vector<double>> readSums(Evaluation &evaluation, const SafetensorsFile &file, StringRef name,
                                               StringRef suffix, int64_t count) {
  std::string key = (name + suffix).str();
  const SafetensorsTensor *tensor = file.findTensor(key);
  if (!tensor || tensor->type->name != "F64" || tensor->shape != std::vector<int64_t>{count})
    return evaluation.error() << "expected a tensor " << printable(key) << " of F64 and " << count << " numbers in "
                              << printable(file.path()) << "; is it a file of `lmopt calibrate` for this model?";
  std::vector<double> numbers(static_cast<size_t>(count));
  std::memcpy(numbers.data(), tensor->data.data(), tensor->data.size());
  return numbers;
}

static int64_t tokensOf(const SafetensorsFile &file) {
  int64_t tokens = 0;
  for (const auto &[name, value] : file.metadata())
    if (name == "tokens" && StringRef(value).getAsInteger(10, tokens))
      tokens = 0;
  return tokens;
}

static FailureOr<InputMoments> readMoments(Evaluation &evaluation, StatisticsAttr statistics, int64_t width) {
  const SafetensorsFile *file = evaluation.openSafetensors(statistics.getPath());
  if (!file)
    return failure();
  int64_t tokens = tokensOf(*file);
  if (tokens <= 0)
    return evaluation.error() << printable(file->path())
                              << " does not say how many tokens its sums are of; is it a file "
                              << "of `lmopt calibrate`?";
  auto products = readSums(evaluation, *file, statistics.getKey(), ".products", width * (width + 1) / 2);
  if (failed(products))
    return failure();
  auto sums = readSums(evaluation, *file, statistics.getKey(), ".sums", width);
  if (failed(sums))
    return failure();
  InputMoments moments = {centredMoments(*products, *sums, tokens), std::move(*sums)};
  for (double &sum : moments.mean)
    sum /= static_cast<double>(tokens);
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
