// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What #lm.scale_columns and #lm.add_to_rows share: each number of a matrix with the number of a vector that belongs to
// its column. Inside this folder only; tested with its users.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_COMBINECOLUMNS_H
#define LMOPT_DIALECTS_LM_WEIGHTS_COMBINECOLUMNS_H

#include "dialects/lm/weights/Evaluation.h"

namespace lmopt::lm {

/// Runs `combine(number, vector[column])` over the source of an attribute with a source and a vector.
template <class Attr, class Combine>
mlir::FailureOr<WeightData> combineColumns(Evaluation &evaluation, Attr attribute, Combine combine) {
  mlir::FailureOr<WeightData> source = evaluation.read(attribute.getSource());
  if (failed(source))
    return mlir::failure();
  mlir::FailureOr<WeightData> vector = evaluation.read(attribute.getVector());
  if (failed(vector) || failed(evaluation.expectF32(*source, 2, 2, attribute)) ||
      failed(evaluation.expectVector(*vector, source->columns(), attribute)))
    return mlir::failure();
  const int64_t rows = source->rows(), columns = source->columns();
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      source->f32[r * columns + c] = combine(source->f32[r * columns + c], vector->f32[c]);
  return source;
}

} // namespace lmopt::lm

#endif
