// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.transpose_each: the matrices of a tensor of rank 3, each transposed. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult TransposeEachAttr::verify(EmitError emitError, Attribute source) {
  return expectF32(emitError, source, {"C1", "the source", 3, 3});
}
WeightForm TransposeEachAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  if (form.shape)
    std::swap((*form.shape)[1], (*form.shape)[2]);
  return form;
}

FailureOr<WeightData> TransposeEachAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> source = evaluation.readF32(getSource(), 3, 3, *this);
  if (failed(source))
    return failure();
  const int64_t count = source->shape[0], rows = source->shape[1], columns = source->shape[2];
  WeightData result;
  result.shape = {count, columns, rows};
  result.f32.resize(source->f32.size());
  for (int64_t e = 0; e < count; ++e) {
    const float *from = source->f32.data() + e * rows * columns;
    float *to = result.f32.data() + e * rows * columns;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        to[c * rows + r] = from[r * columns + c];
  }
  return result;
}
