// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.refit_bias: the bias beside a refitted matrix, so that the mean stays. Tested by test/dialects/lm/weights*.mlir
// and test/passes/prune-ffn.
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/Refit.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

LogicalResult RefitBiasAttr::verify(EmitError emitError, RefitColumnsAttr source, Attribute bias) {
  return bias ? expectVector(emitError, bias, source.getForm(), 0, {"C2", "the bias", 1, 1}) : success();
}
WeightForm RefitBiasAttr::getForm() const {
  WeightForm form = deriveForm({getSource(), getBias()});
  if (form.shape)
    form.shape->pop_back();
  return form;
}

FailureOr<WeightData> RefitBiasAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<RefitSources> sources = readRefitSources(evaluation, getSource());
  if (failed(sources))
    return failure();
  std::vector<double> lost = lostMean(sources->moments.centred, sources->moments.mean, getSource().getKept().vec(),
                                      getSource().getDamping().value);
  if (lost.empty())
    return refuseMoments(evaluation, getSource().getStatistics());
  int64_t rows = sources->weight.rows(), width = sources->weight.columns();
  FailureOr<WeightData> result = readBiasOrZeros(evaluation, getBias(), rows, *this);
  if (failed(result))
    return failure();
  for (int64_t r = 0; r < rows; ++r) {
    double sum = result->f32[static_cast<size_t>(r)];
    for (int64_t i = 0; i < width; ++i)
      sum += double(sources->weight.f32[static_cast<size_t>(r * width + i)]) * lost[static_cast<size_t>(i)];
    result->f32[static_cast<size_t>(r)] = static_cast<float>(sum);
  }
  return result;
}
