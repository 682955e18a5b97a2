// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.take_blocks: every n-th block of rows. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/TakeBlocks.h"
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/MoveRows.h"

using namespace mlir;
using namespace lmopt::lm;

/// Whether so many rows are whole groups of `step` blocks; neither factor is zero (C2), nor can the product overflow.
static bool areWholeGroups(int64_t rows, int64_t size, int64_t step) {
  return rows % size == 0 && rows / size % step == 0;
}

LogicalResult TakeBlocksAttr::verify(EmitError emitError, Attribute source, int64_t size, int64_t first, int64_t step) {
  FailureOr<WeightForm> form = expectF32(emitError, source, {"C1", "the source", 1, 2});
  if (failed(form))
    return failure();
  if (size < 1 || step < 1 || first < 0 || first >= step)
    return emitError() << "C2: expected a positive size and step and a first block below the step, but found " << size
                       << ", " << step << " and " << first;
  if (form->shape && !areWholeGroups(form->shape->front(), size, step))
    return emitError() << "C3: expected rows in groups of " << step << " blocks of " << size << ", but found "
                       << form->shape->front();
  return success();
}
WeightForm TakeBlocksAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  if (form.shape)
    form.shape->front() /= getStep();
  return form;
}

FailureOr<WeightData> lmopt::lm::takeBlocks(Evaluation &evaluation, WeightData source, TakeBlocksAttr blocks) {
  const int64_t size = blocks.getSize(), step = blocks.getStep(), first = blocks.getFirst();
  if (!areWholeGroups(source.rows(), size, step))
    return evaluation.error() << "expected rows in groups of " << step << " blocks of " << size << ", but found "
                              << source.rows();
  moveRows(source, source.rows() / step, [&](int64_t row) { return (row / size * step + first) * size + row % size; });
  return source;
}

FailureOr<WeightData> TakeBlocksAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> source = evaluation.readF32(getSource(), 1, 2, *this);
  return failed(source) ? source : takeBlocks(evaluation, std::move(*source), *this);
}
