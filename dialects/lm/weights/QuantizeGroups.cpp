// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.quantize_groups: codes with scales in groups. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Fit.h"
#include "dialects/lm/weights/FittedRounding.h"
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/WeightKernels.h"

#include <cmath>

using namespace mlir;
using namespace lmopt::lm;

LogicalResult QuantizeGroupsAttr::verify(EmitError emitError, Attribute source, int64_t bits, int64_t group,
                                         bool hasMin, int64_t scaleBits, FitAttr fit) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  if (failed(form))
    return failure();
  if (group <= 0 || (form->shape && form->shape->back() % group != 0))
    return emitError() << "C2: expected a positive group that divides the columns"
                       << (form->shape ? " (" + std::to_string(form->shape->back()) + ")" : "") << ", but found "
                       << group;
  if ((bits != 4 && bits != 8) || (hasMin && bits != 4))
    return emitError() << "C3: expected 4 or 8 bits, minima with 4 only, but found " << bits
                       << (hasMin ? " with minima" : "");
  if (scaleBits != 16 && !(scaleBits == 8 && hasMin))
    return emitError() << "C5: expected scales of 16 bits, or with minima of 8, but found " << scaleBits;
  if (fit && fit.getZeros() && hasMin)
    return emitError() << "C6: a fit cannot keep zeros where there are minima: zero need not be one of their numbers";
  return expectFit(emitError, fit, *form, "C4");
}
WeightForm QuantizeGroupsAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  form.groupedBits = getBits();
  form.group = getGroup();
  form.hasMin = getHasMin();
  form.scaleBits = getScaleBits();
  return form;
}

static LogicalResult chooseUnits(Evaluation &evaluation, const WeightData &source, int64_t group,
                                 std::vector<float> &units) {
  for (int64_t n = 0; n < source.rows(); ++n) {
    units.push_back(scaleUnit(&source.f32[n * source.columns()], source.columns(), group));
    if (!std::isfinite(units.back()))
      return evaluation.error() << "row " << n
                                << " holds a number that is not finite; it cannot be quantized in groups";
  }
  return success();
}

/// `result` with codes, scales and minima fitted to the moments.
static FailureOr<WeightData> quantizeFitted(Evaluation &evaluation, QuantizeGroupsAttr weight, const WeightData &source,
                                            WeightData &result) {
  FailureOr<Feedback> feedback = readFeedback(evaluation, weight.getFit(), source.columns(), /*byMoments=*/false);
  if (failed(feedback))
    return failure();
  GroupFormat format = {weight.getGroup(), int(weight.getBits()), weight.getHasMin()};
  if (weight.getScaleBits() == 8)
    format.units = result.units.data();
  format.keepZeros = weight.getFit().getZeros();
  if (!quantizeGroupsFitted(source.f32.data(), source.rows(), *feedback, format, result.s8.data(), result.scales.data(),
                            result.minima.data()))
    return evaluation.error() << "it holds a number that is not finite or beyond what an f16 scale reaches; it cannot "
                                 "be quantized in groups";
  return std::move(result);
}

FailureOr<WeightData> QuantizeGroupsAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> read = evaluation.readF32(getSource(), 2, 2, *this);
  if (failed(read))
    return failure();
  WeightData &source = *read;
  int64_t group = getGroup();
  if (source.columns() % group != 0)
    return evaluation.error() << "group " << group << " does not divide the " << source.columns() << " columns";
  WeightData result;
  result.shape = source.shape;
  result.group = group;
  result.groupedBits = getBits();
  result.s8.resize(source.f32.size());
  result.scales.resize(source.f32.size() / group);
  result.minima.resize(getHasMin() ? result.scales.size() : 0);
  if (getScaleBits() == 8 && failed(chooseUnits(evaluation, source, group, result.units)))
    return failure();
  if (getFit())
    return quantizeFitted(evaluation, *this, source, result);
  for (size_t i = 0; i < result.scales.size(); ++i)
    if (!quantizeShortGroup(&source.f32[i * group], group, int(getBits()), &result.s8[i * group], result.scales[i],
                            getHasMin() ? &result.minima[i] : nullptr,
                            getScaleBits() == 8 ? &result.units[i * group / source.columns()] : nullptr))
      return evaluation.error() << "row " << int64_t(i) * group / source.columns()
                                << " holds a number that is not finite or beyond what an f16 scale reaches; it cannot "
                                   "be quantized in groups";
  return result;
}
