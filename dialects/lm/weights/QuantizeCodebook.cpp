// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.quantize_codebook: numbers of entries of a codebook. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/CodebookRounding.h"
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Fit.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult QuantizeCodebookAttr::verify(EmitError emitError, Attribute source, int64_t entries, int64_t group,
                                           FitAttr fit) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  if (failed(form))
    return failure();
  bool small = entries == 4 || entries == 8 || entries == 16;
  if (group == 0 ? entries != 256 : !small)
    return emitError() << "C2: expected 4, 8 or 16 entries with a group, or 256 without, but found " << entries
                       << (group == 0 ? " without" : " with");
  if (group < 0 || (group > 0 && form->shape && form->shape->back() % group != 0))
    return emitError() << "C3: expected a positive group that divides the columns"
                       << (form->shape ? " (" + std::to_string(form->shape->back()) + ")" : "") << ", but found "
                       << group;
  if (fit && fit.getZeros())
    return emitError() << "C5: a fit cannot keep zeros: zero need not be an entry";
  return expectFit(emitError, fit, *form, "C4");
}
WeightForm QuantizeCodebookAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  form.entries = getEntries();
  form.group = getGroup();
  return form;
}

FailureOr<WeightData> QuantizeCodebookAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> read = evaluation.readF32(getSource(), 2, 2, *this);
  if (failed(read))
    return failure();
  if (getGroup() != 0 && read->columns() % getGroup() != 0)
    return evaluation.error() << "group " << getGroup() << " does not divide the " << read->columns() << " columns";
  std::optional<Feedback> feedback;
  if (getFit()) {
    FailureOr<Feedback> found = readFeedback(evaluation, getFit(), read->columns(), /*byMoments=*/getGroup() == 0);
    if (failed(found))
      return failure();
    feedback = std::move(*found);
  }
  CodebookSource source = {read->f32.data(), read->rows(), read->columns(), feedback ? &*feedback : nullptr};
  std::optional<CodebookResult> rounded =
      getGroup() ? roundToGroupCodebook(source, getEntries(), getGroup()) : roundToRowCodebook(source, getEntries());
  if (!rounded)
    return evaluation.error() << "it holds a number that is not finite or beyond what its scale reaches; it cannot be "
                                 "quantized to a codebook";
  WeightData result;
  result.shape = read->shape;
  result.group = getGroup();
  result.s8 = std::move(rounded->codes);
  result.scales = std::move(rounded->scales);
  result.table = std::move(rounded->table);
  return result;
}
