// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The search for scales that suit the rounding of weights: its error is that of the products, its choice the least of
// all that it may try, and no scales where none help.
#include "passes/migrate-scales/ScaleSearch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace lmopt::lm;

namespace {

constexpr int64_t kWidth = 64, kRows = 24, kTokens = 200;

/// Inputs of which every eighth channel is 30 times as large as the others.
struct Problem {
  std::vector<std::vector<float>> inputs, rows;
  SquareMatrix moments{kWidth};
  std::vector<double> sizes;
  std::vector<int64_t> channels;

  explicit Problem(float outliers) {
    std::mt19937 engine(7);
    std::normal_distribution<float> normal;
    for (int64_t t = 0; t < kTokens; ++t) {
      inputs.emplace_back();
      for (int64_t k = 0; k < kWidth; ++k)
        inputs.back().push_back(normal(engine) * (k % 8 == 0 ? outliers : 1));
    }
    for (int64_t n = 0; n < kRows; ++n) {
      rows.emplace_back();
      for (int64_t k = 0; k < kWidth; ++k)
        rows.back().push_back(normal(engine));
    }
    for (const auto &x : inputs)
      for (size_t i = 0; i < size_t(kWidth); ++i)
        for (size_t j = 0; j < size_t(kWidth); ++j)
          moments.row(int64_t(i))[j] += double(x[i]) * x[j];
    for (int64_t k = 0; k < kWidth; ++k) {
      sizes.push_back(std::sqrt(moments.row(k)[k] / kTokens));
      channels.push_back(k);
    }
  }

  ScaleSearch search(const char *form) const {
    ScaleSearch result(*RoundingForm::find(form, 32), moments, channels);
    for (const auto &row : rows)
      result.addRow(row.data());
    return result;
  }
};

/// Rows of 8 bits and a scale, written once more: round(w / s) s with s = max|w| / 127.
double directError(const Problem &problem, const std::vector<float> &scales) {
  double error = 0;
  for (const auto &row : problem.rows) {
    std::vector<double> lost;
    float greatest = 0;
    for (size_t k = 0; k < row.size(); ++k)
      greatest = std::max(greatest, std::fabs(row[k] * scales[k]));
    for (size_t k = 0; k < row.size(); ++k) {
      double step = double(greatest) / 127;
      lost.push_back(std::nearbyint(row[k] * scales[k] / step) * step / scales[k] - row[k]);
    }
    for (const auto &x : problem.inputs) {
      double sum = 0;
      for (size_t k = 0; k < x.size(); ++k)
        sum += lost[k] * x[k];
      error += sum * sum;
    }
  }
  return error;
}

TEST(ScaleSearch, ErrorIsThatOfTheProducts) {
  Problem problem(30);
  for (float power : {0.0f, 0.5f}) {
    std::vector<float> scales;
    for (double size : problem.sizes)
      scales.push_back(static_cast<float>(std::pow(size, power)));
    // Numbers that f32 puts on the other side of a half differ by a whole step; there are none or few.
    EXPECT_NEAR(problem.search("int8").error(scales) / directError(problem, scales), 1, 1e-3);
  }
}

TEST(ScaleSearch, LargeChannelsGetFinerSteps) {
  for (const char *form : {"int8", "int4", "int4-min"}) {
    ScaleSearch::Found found = Problem(30).search(form).find(Problem(30).sizes);
    EXPECT_GT(found.power, 0) << form;
    EXPECT_LT(found.error, 0.7 * found.errorWithout) << form;
    EXPECT_GT(found.scales[0], found.scales[1]) << form;
    EXPECT_DOUBLE_EQ(found.error, Problem(30).search(form).error(found.scales)) << form;
  }
}

TEST(ScaleSearch, NothingToGainStays) {
  Problem problem(1);
  for (size_t n = 0; n < problem.rows.size(); ++n) // numbers that 4 bits hold exactly
    for (size_t k = 0; k < size_t(kWidth); ++k)
      problem.rows[n][k] = k % 32 == 0 ? -8.0f : float((n + k) % 15) - 7;
  ScaleSearch::Found found = problem.search("int4").find(problem.sizes);
  EXPECT_EQ(found.power, 0);
  EXPECT_EQ(found.error, 0);
  EXPECT_EQ(found.scales, std::vector<float>(size_t(kWidth), 1.0f));
}

TEST(ScaleSearch, SharedChannelsShareScales) {
  Problem problem(30);
  for (int64_t k = 0; k < kWidth; ++k)
    problem.channels[size_t(k)] = k % 32;
  std::vector<double> sizes(problem.sizes.begin(), problem.sizes.begin() + 32);
  ScaleSearch::Found found = problem.search("int4").find(sizes);
  EXPECT_EQ(found.scales.size(), 32U);
  EXPECT_LT(found.error, found.errorWithout);
}

// What is never seen counts as the least that was; nothing at all leaves everything as it is.
TEST(ScaleSearch, UnseenChannels) {
  Problem problem(30);
  problem.sizes[3] = 0;
  for (float scale : problem.search("int4").find(problem.sizes).scales)
    EXPECT_TRUE(std::isfinite(scale) && scale > 0);
  std::vector<double> nothing(size_t(kWidth), 0);
  EXPECT_EQ(problem.search("int4").find(nothing).power, 0);
}

TEST(ScaleSearch, KnowsItsForms) {
  EXPECT_TRUE(RoundingForm::find("int8", 32) && RoundingForm::find("int4-min", 64)->hasMin);
  EXPECT_FALSE(RoundingForm::find("int2", 32));
}

} // namespace
