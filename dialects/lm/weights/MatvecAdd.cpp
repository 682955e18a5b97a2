// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.matvec_add: W v + b, a vector; sums in double. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult MatvecAddAttr::verify(EmitError emitError, Attribute source, Attribute vector, Attribute bias) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  if (failed(form) || failed(expectVector(emitError, vector, *form, 1, {"C1", "the vector", 1, 1})))
    return failure();
  return bias ? expectVector(emitError, bias, *form, 0, {"C2", "the bias", 1, 1}) : success();
}
WeightForm MatvecAddAttr::getForm() const {
  WeightForm form = deriveForm({getSource(), getVector(), getBias()});
  if (form.shape)
    form.shape->pop_back();
  return form;
}

FailureOr<WeightData> MatvecAddAttr::evaluate(Evaluation &evaluation) const {
  std::optional<WeightData> bias;
  if (getBias()) {
    FailureOr<WeightData> data = evaluation.read(getBias());
    if (failed(data))
      return failure();
    bias = std::move(*data);
  }
  FailureOr<WeightData> matrix = evaluation.read(getSource());
  if (failed(matrix))
    return failure();
  FailureOr<WeightData> other = evaluation.read(getVector());
  if (failed(other))
    return failure();
  const WeightData &source = *matrix, &vector = *other;
  if (failed(evaluation.expectF32(source, 2, 2, *this)) ||
      failed(evaluation.expectVector(vector, source.columns(), *this)) ||
      (bias && failed(evaluation.expectVector(*bias, source.rows(), *this))))
    return failure();
  WeightData result;
  result.shape = {source.rows()};
  for (int64_t r = 0; r < source.rows(); ++r) {
    double sum = bias ? bias->f32[r] : 0.0;
    for (int64_t c = 0; c < source.columns(); ++c)
      sum += double(source.f32[r * source.columns() + c]) * vector.f32[c];
    result.f32.push_back(float(sum));
  }
  return result;
}
