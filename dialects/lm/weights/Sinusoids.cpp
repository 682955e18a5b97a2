// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.sinusoids: the sines and cosines of positions, times a learned number. Tested by test/dialects/lm/weights*.mlir
// and test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

#include <cmath>

using namespace mlir;
using namespace lmopt::lm;

static constexpr int64_t maxNumbers = int64_t(1) << 28; // what one line of a module may ask for

LogicalResult SinusoidsAttr::verify(EmitError emitError, Attribute factor, int64_t rows, int64_t columns) {
  FailureOr<WeightForm> form = expectF32(emitError, factor, {"C1", "the factor", 1, 1});
  if (failed(form))
    return failure();
  if (form->shape && form->shape->front() != 1)
    return emitError() << "C1: the factor must be one number, but there are " << form->shape->front();
  if (rows < 1 || columns < 1 || columns % 2 != 0 || rows > maxNumbers / columns)
    return emitError()
           << "C2: expected positive rows and columns, an even number of columns, and at most 2^28 numbers, "
              "but found "
           << rows << " and " << columns;
  return success();
}
WeightForm SinusoidsAttr::getForm() const {
  WeightForm form = deriveForm(getFactor());
  form.shape = SmallVector<int64_t>{getRows(), getColumns()};
  return form;
}

FailureOr<WeightData> SinusoidsAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> factor = evaluation.read(getFactor());
  if (failed(factor) || failed(evaluation.expectVector(*factor, 1, *this)))
    return failure();
  const double scale = factor->f32.front();
  const int64_t rows = getRows(), columns = getColumns();
  WeightData table;
  table.shape = {rows, columns};
  table.f32.resize(rows * columns);
  for (int64_t pair = 0; pair < columns / 2; ++pair) {
    const double frequency = std::pow(10000.0, -2.0 * double(pair) / double(columns));
    for (int64_t t = 0; t < rows; ++t) {
      table.f32[t * columns + 2 * pair] = float(scale * std::sin(double(t) * frequency));
      table.f32[t * columns + 2 * pair + 1] = float(scale * std::cos(double(t) * frequency));
    }
  }
  return table;
}
