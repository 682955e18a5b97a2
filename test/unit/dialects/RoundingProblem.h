// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A matrix and the moments of inputs that are like their neighbours: what tests of rounding and of zeros with feedback
// are made on. In: sizes, a seed. Out: weights, moments, and what other weights lose of the products.
#ifndef LMOPT_TEST_UNIT_DIALECTS_ROUNDINGPROBLEM_H
#define LMOPT_TEST_UNIT_DIALECTS_ROUNDINGPROBLEM_H

#include "dialects/lm/weights/LeastSquares.h"

#include <random>
#include <vector>

namespace lmopt::test {

struct RoundingProblem {
  int64_t rows, width;
  std::vector<float> weights;
  lm::SquareMatrix moments;

  RoundingProblem(int64_t rows, int64_t width, int64_t tokens, unsigned seed, double likeness)
      : rows(rows), width(width), weights(rows * width), moments{width} {
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal;
    for (float &number : weights)
      number = static_cast<float>(normal(generator));
    std::vector<double> x(width);
    for (int64_t t = 0; t < tokens; ++t) {
      for (int64_t i = 0; i < width; ++i) // neighbours are alike, and some inputs count more
        x[i] = (1 + i % 5) * normal(generator) + (i ? likeness * x[i - 1] : 0);
      for (int64_t i = 0; i < width; ++i)
        for (int64_t j = 0; j < width; ++j)
          moments.row(i)[j] += x[i] * x[j];
    }
  }

  /// The sum of (w - q) M (w - q)ᵀ over the rows.
  template <typename T>
  double lost(const std::vector<T> &stored) const {
    auto missed = [&](int64_t r, int64_t i) { return double(weights[r * width + i]) - stored[r * width + i]; };
    double sum = 0;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < width; ++i)
        for (int64_t j = 0; j < width; ++j)
          sum += missed(r, i) * moments.row(i)[j] * missed(r, j);
    return sum;
  }
};

} // namespace lmopt::test

#endif // LMOPT_TEST_UNIT_DIALECTS_ROUNDINGPROBLEM_H
