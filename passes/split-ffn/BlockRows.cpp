// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kept and drawn rows; see BlockRows.h.
#include "passes/split-ffn/BlockRows.h"

#include <cmath>
#include <random>

namespace lmopt::lm {

/// Every which kept row is judged by.
static constexpr int64_t kJudging = 4;

std::optional<BlockRows> BlockRows::measured(const std::vector<float> &rows, int64_t width) {
  int64_t count = static_cast<int64_t>(rows.size()) / width;
  if (count < kLeastRows || !std::all_of(rows.begin(), rows.end(), [](float number) { return std::isfinite(number); }))
    return std::nullopt;
  BlockRows result = {width, /*areMeasured=*/true, {}, {}};
  for (int64_t r = 0; r < count; ++r) {
    std::vector<float> &to = r % kJudging == kJudging - 1 ? result.judge : result.fit;
    to.insert(to.end(), rows.begin() + r * width, rows.begin() + (r + 1) * width);
  }
  return result;
}

/// A share of the mean variance that is added to each: behind a norm that takes the mean off the covariance is
/// singular.
static constexpr double kJitter = 1e-6;

namespace {

/// Rows of mean m and covariance L Lᵀ.
class NormalRows {
public:
  explicit NormalRows(InputMoments &from) : moments(from), generator(from.mean.size()) {}

  bool begin() {
    moments.covariance.addToDiagonal(kJitter * moments.covariance.meanDiagonal() + 1e-30);
    return factorize(moments.covariance);
  }

  void draw(std::vector<float> &rows) {
    std::vector<double> numbers;
    for (size_t i = 0; i < moments.mean.size(); ++i) {
      numbers.push_back(normal());
      const double *root = moments.covariance.row(static_cast<int64_t>(i));
      double sum = moments.mean[i];
      for (size_t j = 0; j <= i; ++j)
        sum += root[j] * numbers[j];
      rows.push_back(static_cast<float>(sum));
    }
  }

private:
  InputMoments &moments; ///< the root in the place of the covariance
  std::mt19937_64 generator;

  /// Mean 0 and variance 1.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i)
      sum += std::ldexp(static_cast<double>(generator() >> 11), -53);
    return sum;
  }
};

} // namespace

std::optional<BlockRows> BlockRows::drawn(InputMoments moments) {
  NormalRows normal(moments);
  if (!normal.begin())
    return std::nullopt;
  BlockRows result = {static_cast<int64_t>(moments.mean.size()), /*areMeasured=*/false, {}, {}};
  for (int64_t r = 0; r < kDrawnRows; ++r)
    normal.draw(result.judge);
  return result;
}

} // namespace lmopt::lm
