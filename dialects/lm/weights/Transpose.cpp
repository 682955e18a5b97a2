// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.transpose: columns become rows (some makers store a matrix as INPUTS x OUTPUTS). Tested by
// test/dialects/lm/weights*.mlir and test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult TransposeAttr::verify(EmitError emitError, Attribute source) { return expectMatrix(emitError, source); }
WeightForm TransposeAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  if (form.shape)
    std::swap(form.shape->front(), form.shape->back());
  return form;
}

// Square blocks, so that of the lines that are read or written column by column each stays in the first-level cache
// until it is full: 32 lines of 64 bytes on either side.
static constexpr int64_t kBlock = 32;

FailureOr<WeightData> TransposeAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> source = evaluation.readF32(getSource(), 2, 2, *this);
  if (failed(source))
    return failure();
  const int64_t rows = source->rows(), columns = source->columns();
  WeightData result;
  result.shape = {columns, rows};
  result.f32.resize(source->f32.size());
  for (int64_t r0 = 0; r0 < rows; r0 += kBlock)
    for (int64_t c0 = 0; c0 < columns; c0 += kBlock)
      for (int64_t r = r0; r < std::min(r0 + kBlock, rows); ++r)
        for (int64_t c = c0; c < std::min(c0 + kBlock, columns); ++c)
          result.f32[c * rows + r] = source->f32[r * columns + c];
  return result;
}
