// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.narrow: rounded to bf16. Tested by test/dialects/lm/weights*.mlir and test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/WeightKernels.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult NarrowAttr::verify(EmitError emitError, Attribute source) { return expectMatrix(emitError, source); }
WeightForm NarrowAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  form.bf16 = true;
  return form;
}

FailureOr<WeightData> NarrowAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> read = evaluation.readF32(getSource(), 2, 2, *this);
  if (failed(read))
    return failure();
  WeightData &source = *read;
  if (!narrowNumbers(source.f32.data(), int64_t(source.f32.size())))
    return evaluation.error() << "it holds a number that bf16 cannot; it cannot be narrowed";
  source.bf16 = true;
  return read;
}
