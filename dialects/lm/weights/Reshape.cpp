// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.reshape: the same numbers in another shape. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

/// How many numbers a shape has; 0 for one that no weight has.
static int64_t countOf(ArrayRef<int64_t> shape) {
  constexpr int64_t most = int64_t(1) << 40;
  int64_t count = 1;
  for (int64_t size : shape)
    count = size > 0 && size <= most / std::max<int64_t>(count, 1) ? count * size : 0;
  return count;
}

LogicalResult ReshapeAttr::verify(EmitError emitError, Attribute source, ArrayRef<int64_t> shape) {
  FailureOr<WeightForm> form = expectF32(emitError, source, {"C1", "the source", 1, 4});
  if (failed(form))
    return failure();
  if (shape.empty() || shape.size() > 3 || countOf(shape) == 0)
    return emitError() << "C2: expected one to three positive sizes, but found " << shapeText(shape);
  if (form->shape && countOf(*form->shape) != countOf(shape))
    return emitError() << "C3: expected a source with as many numbers as " << shapeText(shape) << ", but found "
                       << shapeText(*form->shape);
  return success();
}
WeightForm ReshapeAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  form.shape = llvm::to_vector(getShape());
  return form;
}

FailureOr<WeightData> ReshapeAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> source = evaluation.readF32(getSource(), 1, 4, *this);
  if (failed(source))
    return failure();
  if (elementsOf(source->shape) != elementsOf(getShape()))
    return evaluation.error() << "expected as many numbers as " << shapeText(getShape()) << " has, but found "
                              << shapeText(source->shape);
  source->shape.assign(getShape().begin(), getShape().end());
  return source;
}
