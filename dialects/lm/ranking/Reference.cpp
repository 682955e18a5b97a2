// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.top_linear; see Reference.h.

#include "dialects/lm/ranking/Reference.h"

#include "dialects/lm/linear/Reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace lmopt::lm::reference {

/// Leaves the `count` greatest of `width` numbers, those of smaller index first where they are equal.
static void keepGreatest(float *row, int64_t width, int64_t count) {
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  std::replace_if(row, row + width, [](float y) { return std::isnan(y); }, kNone);
  std::vector<int64_t> order(width);
  std::iota(order.begin(), order.end(), 0);
  auto before = [&](int64_t a, int64_t b) { return row[a] > row[b] || (row[a] == row[b] && a < b); };
  std::partial_sort(order.begin(), order.begin() + count, order.end(), before);
  std::for_each(order.begin() + count, order.end(), [&](int64_t n) { row[n] = kNone; });
}

Tensor topLinear(const Tensor &x, const Weight &weight, const float *bias, int64_t count) {
  Tensor y = linear(x, weight, bias);
  for (int64_t r = 0; r < y.rows(); ++r)
    keepGreatest(&y.f32[r * y.width()], y.width(), count);
  return y;
}

} // namespace lmopt::lm::reference
