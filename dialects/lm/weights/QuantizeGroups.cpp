// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.quantize_groups: codes with scales in groups. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/WeightKernels.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult QuantizeGroupsAttr::verify(EmitError emitError, Attribute source, int64_t bits, int64_t group,
                                         bool hasMin) {
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
  return success();
}
WeightForm QuantizeGroupsAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  form.groupedBits = getBits();
  form.group = getGroup();
  form.hasMin = getHasMin();
  return form;
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
  for (size_t i = 0; i < result.scales.size(); ++i)
    if (!quantizeShortGroup(&source.f32[i * group], group, int(getBits()), &result.s8[i * group], result.scales[i],
                            getHasMin() ? &result.minima[i] : nullptr))
      return evaluation.error() << "row " << int64_t(i) * group / source.columns()
                                << " holds a number that is not finite or beyond what an f16 scale reaches; it cannot "
                                   "be quantized in groups";
  return result;
}
