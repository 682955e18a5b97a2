// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of a weight in another order, or some of them: of numbers, or of codes with the scales, minima and units that
// belong to them. In: WeightData, and for each row of the result the row of the source. Out: WeightData.
// Tested by test/unit/dialects/WeightsTest.cpp (#lm.permute_rope, #lm.take_rows).
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_MOVEROWS_H
#define LMOPT_DIALECTS_LM_WEIGHTS_MOVEROWS_H

#include "dialects/lm/weights/WeightData.h"

#include <algorithm>

namespace lmopt::lm {

/// Row r of the result is row from(r) of `numbers`, `width` of them a row; nothing of nothing.
template <class T, class From>
std::vector<T> movedRows(const std::vector<T> &numbers, int64_t width, int64_t rows, From from) {
  if (numbers.empty())
    return {};
  std::vector<T> result(rows * width);
  for (int64_t r = 0; r < rows; ++r)
    std::copy_n(numbers.begin() + from(r) * width, width, result.begin() + r * width);
  return result;
}

/// The same for all that a weight is made of: a matrix or vector of numbers, or a grouped or int8 matrix.
template <class From>
void moveRows(WeightData &data, int64_t rows, From from) {
  int64_t columns = data.shape.size() == 2 ? data.columns() : 1;
  int64_t groups = data.group ? data.groupsPerRow() : 1;
  data.f32 = movedRows(data.f32, columns, rows, from);
  data.s8 = movedRows(data.s8, columns, rows, from);
  data.scales = movedRows(data.scales, groups, rows, from);
  data.minima = movedRows(data.minima, groups, rows, from);
  data.units = movedRows(data.units, 1, rows, from);
  data.shape.front() = rows;
}

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_MOVEROWS_H
