// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.low_rank_bias: the bias beside a matrix of low rank, so that the mean stays. Tested by
// test/dialects/lm/weights*.mlir and test/passes/low-rank.
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/LowRank.h"
#include "dialects/lm/weights/Moments.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult LowRankBiasAttr::verify(EmitError emitError, LowRankAttr source, Attribute bias) {
  if (failed(expectMatrix(emitError, source)))
    return failure();
  if (source.getMethod() != LowRankMethod::whitened)
    return emitError() << "C1: expected a whitened source, found " << stringifyLowRankMethod(source.getMethod());
  return bias ? expectVector(emitError, bias, source.getForm(), 0, {"C2", "the bias", 1, 1}) : success();
}
WeightForm LowRankBiasAttr::getForm() const {
  WeightForm form = deriveForm({getSource(), getBias()});
  if (form.shape)
    form.shape->pop_back();
  return form;
}

FailureOr<WeightData> LowRankBiasAttr::evaluate(Evaluation &evaluation) const {
  std::shared_ptr<const FactoredWeight> factors = readFactors(evaluation, getSource());
  if (!factors)
    return failure();
  FailureOr<WeightData> bias = readBiasOrZeros(evaluation, getBias(), factors->rows, *this);
  if (failed(bias))
    return failure();
  for (auto [number, lost] : llvm::zip_equal(bias->f32, factors->lostMean))
    number = static_cast<float>(double(number) + lost);
  return bias;
}
