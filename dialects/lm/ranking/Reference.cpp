// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.top_linear, lm.class_logits, lm.top_class_linear, lm.preview_linear, lm.tree_logits, lm.tree_score; see
// Reference.h.

#include "dialects/lm/ranking/Reference.h"

#include "dialects/lm/linear/Reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

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

void keepGreatest(Tensor &y, int64_t count) {
  for (int64_t r = 0; r < y.rows(); ++r)
    keepGreatest(&y.f32[r * y.width()], y.width(), count);
}

Tensor topLinear(const Tensor &x, const Weight &weight, const float *bias, int64_t count) {
  Tensor y = linear(x, weight, bias);
  keepGreatest(y, count);
  return y;
}

static double logSumExp(const float *numbers, int64_t count) {
  double greatest = *std::max_element(numbers, numbers + count), sum = 0;
  for (int64_t i = 0; i < count; ++i)
    sum += std::exp(numbers[i] - greatest);
  return greatest + std::log(sum);
}

Tensor classLogits(const Tensor &z, const Tensor &s, const Classes &classes) {
  auto singles = std::count(classes.sizes, classes.sizes + classes.count, 1);
  std::vector<int64_t> shape = z.shape;
  shape.back() += singles;
  Tensor y = Tensor::ofF32(shape);
  for (int64_t r = 0; r < z.rows(); ++r) {
    const float *scores = &s.f32[r * s.width()], *numbers = &z.f32[r * z.width()];
    float *logits = &y.f32[r * y.width()];
    double total = logSumExp(scores, classes.count);
    for (int64_t c = 0, begin = 0; c < classes.count; begin += classes.sizes[c++]) {
      double within = classes.sizes[c] > 1 ? logSumExp(numbers, classes.sizes[c]) : 0;
      for (int64_t i = 0; i < classes.sizes[c]; ++i) {
        double share = classes.sizes[c] > 1 ? *numbers++ - within : 0;
        logits[classes.words[begin + i]] = static_cast<float>((share > 0 ? 0 : share) + (scores[c] - total));
      }
    }
  }
  return y;
}

Tensor previewLinear(const Tensor &x, const Weight &weight, const float *bias, const Tensor &preview, int64_t count) {
  Tensor y = linear(x, weight, bias), greatest = preview;
  keepGreatest(greatest, count);
  for (size_t i = 0; i < y.f32.size(); ++i)
    if (!(greatest.f32[i] > -std::numeric_limits<float>::infinity()))
      y.f32[i] = preview.f32[i];
  return y;
}

Tensor treeLogits(const Tensor &s, const Tree &tree) {
  int64_t words = tree.nodes + 1;
  std::vector<int64_t> shape = s.shape;
  shape.back() = words;
  Tensor y = Tensor::ofF32(shape);
  std::vector<double> logs(static_cast<size_t>(words + tree.nodes)); // of words, then of nodes
  for (int64_t r = 0; r < s.rows(); ++r) {
    for (int64_t n = 0; n < tree.nodes; ++n) {
      double score = s.f32[r * s.width() + n];
      double left = std::min(score, 0.0) - std::log1p(std::exp(-std::abs(score)));
      logs[tree.left[n]] = logs[words + n] + left;
      logs[tree.right[n]] = logs[words + n] + left - score;
    }
    std::transform(logs.begin(), logs.begin() + words, &y.f32[r * words], [](double x) { return float(x); });
  }
  return y;
}

Result<Tensor> treeScore(const Tensor &s, const Tree &tree, const Tensor &targets) {
  Tensor all = treeLogits(s, tree), y = Tensor::ofF32({targets.size(0), targets.size(1), 1});
  for (int64_t r = 0; r < y.rows(); ++r) {
    int32_t word = targets.i32[r];
    if (word < 0 || word > tree.nodes)
      return malformed("expected targets from 0 to " + std::to_string(tree.nodes) + ", but found " +
                       std::to_string(word));
    y.f32[r] = all.f32[r * all.width() + word];
  }
  return y;
}

} // namespace lmopt::lm::reference
