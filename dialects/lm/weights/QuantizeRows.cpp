// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.quantize_rows: codes of 8 bits, one scale a row. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Fit.h"
#include "dialects/lm/weights/FittedRounding.h"
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/TrainedCodes.h"
#include "dialects/lm/weights/WeightKernels.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult QuantizeRowsAttr::verify(EmitError emitError, Attribute source, FitAttr fit) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  return failed(form) ? failure() : expectFit(emitError, fit, *form, "C2");
}
WeightForm QuantizeRowsAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  form.int8 = true;
  return form;
}

/// `result` with codes and scales fitted to the moments.
static FailureOr<WeightData> quantizeFitted(Evaluation &evaluation, FitAttr fit, const WeightData &source,
                                            WeightData &result) {
  FailureOr<Feedback> feedback = readFeedback(evaluation, fit, source.columns(), /*byMoments=*/true);
  if (failed(feedback))
    return failure();
  if (!quantizeRowsFitted(source.f32.data(), source.rows(), *feedback, fit.getZeros(), result.s8.data(),
                          result.scales.data()))
    return evaluation.error() << "it holds a number that is not finite; it cannot be quantized";
  return std::move(result);
}

FailureOr<WeightData> QuantizeRowsAttr::evaluate(Evaluation &evaluation) const {
  if (hasTrainedCodes(getSource()))
    return readTrainedCodes(evaluation, getSource());
  FailureOr<WeightData> read = evaluation.readF32(getSource(), 2, 2, *this);
  if (failed(read))
    return failure();
  WeightData &source = *read;
  const int64_t columns = source.columns();
  WeightData result;
  result.shape = source.shape;
  result.s8.resize(source.f32.size());
  result.scales.resize(source.rows());
  if (getFit())
    return quantizeFitted(evaluation, getFit(), source, result);
  for (int64_t n = 0; n < source.rows(); ++n)
    if (!quantizeRow(&source.f32[n * columns], columns, &result.s8[n * columns], result.scales[n]))
      return evaluation.error() << "row " << n << " holds a number that is not finite; it cannot be quantized";
  return result;
}
