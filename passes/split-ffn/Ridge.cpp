// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Normal equations; see Ridge.h.
#include "passes/split-ffn/Ridge.h"

#include "dialects/lm/weights/LinearAlgebra.h"

#include <cmath>

namespace lmopt::lm {

Ridge::Ridge(int64_t features, int64_t targets)
    : targets(targets), squares(features), products(static_cast<size_t>(targets * features)) {}

/// Columns as rows, in f64: products of two floats are exact then.
static std::vector<double> transposed(const std::vector<float> &rows, int64_t width) {
  std::vector<double> columns(rows.size());
  int64_t count = static_cast<int64_t>(rows.size()) / width;
  for (int64_t r = 0; r < count; ++r)
    for (int64_t i = 0; i < width; ++i)
      columns[static_cast<size_t>(i * count + r)] = rows[static_cast<size_t>(r * width + i)];
  return columns;
}

void Ridge::add(const std::vector<float> &features, const std::vector<float> &given) {
  int64_t width = squares.size, count = static_cast<int64_t>(features.size()) / width;
  std::vector<double> z = transposed(features, width), t = transposed(given, targets);
  for (int64_t i = 0; i < width; ++i)
    for (int64_t j = 0; j <= i; ++j)
      squares.row(i)[j] += dot(z.data() + i * count, z.data() + j * count, count);
  for (int64_t m = 0; m < targets; ++m)
    for (int64_t i = 0; i < width; ++i)
      products[static_cast<size_t>(m * width + i)] += dot(t.data() + m * count, z.data() + i * count, count);
}

double Ridge::meanSquares(int64_t first, int64_t end) const {
  double sum = 0;
  for (int64_t i = first; i < end; ++i)
    sum += squares.row(i)[i];
  return sum / static_cast<double>(end - first);
}

std::optional<std::vector<float>> Ridge::solve(const std::vector<double> &penalties) const {
  SquareMatrix factor = squares;
  for (size_t i = 0; i < penalties.size(); ++i)
    factor.row(static_cast<int64_t>(i))[i] += penalties[i];
  if (!factorize(factor))
    return std::nullopt;
  std::vector<double> solved = products;
  lm::solve(factor, solved.data(), targets);
  std::vector<float> result(solved.begin(), solved.end());
  for (float number : result)
    if (!std::isfinite(number))
      return std::nullopt;
  return result;
}

} // namespace lmopt::lm
