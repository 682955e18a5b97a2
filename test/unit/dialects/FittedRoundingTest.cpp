// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding with feedback: against GPTQ as it was published (the Cholesky factor of the inverse), the factor against the
// moments, and what must hold of any such rounding: less is lost than by rounding to nearest, nothing where nothing can
// be made up for, nothing of numbers that are codes already.
#include "dialects/lm/weights/FittedRounding.h"

#include "dialects/lm/weights/WeightKernels.h"
#include "test/unit/dialects/RoundingProblem.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

using namespace lmopt;
using namespace lmopt::lm;

namespace {

constexpr int64_t kRows = 24, kWidth = 96, kTokens = 300;

struct Problem : test::RoundingProblem {
  explicit Problem(unsigned seed, double likeness = 0.9) : RoundingProblem(kRows, kWidth, kTokens, seed, likeness) {}
};

struct Rounded {
  std::vector<int8_t> codes = std::vector<int8_t>(kRows * kWidth);
  std::vector<float> scales, minima;
  int64_t group;

  explicit Rounded(int64_t group, bool hasMin = false)
      : scales(kRows * kWidth / group), minima(hasMin ? scales.size() : 0), group(group) {}

  std::vector<double> numbers() const {
    std::vector<double> result;
    for (size_t i = 0; i < codes.size(); ++i)
      result.push_back(double(scales[i / group]) * codes[i] + (minima.empty() ? 0 : minima[i / group]));
    return result;
  }
};

Rounded rowsFitted(const Problem &problem, double damping = 0.01, bool byMoments = true) {
  Rounded result(kWidth);
  std::optional<Feedback> feedback = Feedback::create(problem.moments, damping, byMoments);
  EXPECT_TRUE(feedback && quantizeRowsFitted(problem.weights.data(), kRows, *feedback, /*keepZeros=*/false,
                                             result.codes.data(), result.scales.data()));
  return result;
}

Rounded rowsNearest(const Problem &problem) {
  Rounded result(kWidth);
  for (int64_t r = 0; r < kRows; ++r)
    EXPECT_TRUE(quantizeRow(&problem.weights[r * kWidth], kWidth, &result.codes[r * kWidth], result.scales[r]));
  return result;
}

/// Scales of 8 bits.
std::vector<float> unitsOf(const Problem &problem, int64_t group) {
  std::vector<float> units;
  for (int64_t r = 0; r < kRows; ++r)
    units.push_back(scaleUnit(&problem.weights[r * kWidth], kWidth, group));
  return units;
}

/// `small`: with scales of 8 bits.
Rounded groupsFitted(const Problem &problem, GroupFormat format, double damping = 0.01, bool small = false) {
  Rounded result(format.group, format.hasMin);
  std::vector<float> units = unitsOf(problem, format.group);
  format.units = small ? units.data() : nullptr;
  std::optional<Feedback> feedback = Feedback::create(problem.moments, damping, false);
  EXPECT_TRUE(feedback && quantizeGroupsFitted(problem.weights.data(), kRows, *feedback, format, result.codes.data(),
                                               result.scales.data(), result.minima.data()));
  return result;
}

Rounded groupsNearest(const Problem &problem, GroupFormat format, bool small = false) {
  Rounded result(format.group, format.hasMin);
  std::vector<float> units = unitsOf(problem, format.group);
  for (size_t i = 0; i < result.scales.size(); ++i)
    EXPECT_TRUE(quantizeShortGroup(&problem.weights[i * format.group], format.group, format.bits,
                                   &result.codes[i * format.group], result.scales[i],
                                   format.hasMin ? &result.minima[i] : nullptr,
                                   small ? &units[i * format.group / kWidth] : nullptr));
  return result;
}

const GroupFormat kFormats[] = {{32, 4, true}, {32, 4, false}, {48, 4, true}, {32, 8, false}, {3, 4, true}};

// A D Aᵀ = M + d I. The factors are stored as f32: 2^-23 of the greatest sum each.
TEST(FittedRounding, FactorsOfTheMoments) {
  Problem problem(1);
  for (bool byMoments : {false, true}) {
    std::optional<Feedback> feedback = Feedback::create(problem.moments, 0.02, byMoments);
    ASSERT_TRUE(feedback);
    double mean = problem.moments.meanDiagonal();
    auto a = [&](int64_t j, int64_t k) { return j == k ? 1.0 : j < k ? double(feedback->shares(k)[j]) : 0.0; };
    for (int64_t i = 0; i < kWidth; ++i) {
      for (int64_t j = 0; j < kWidth; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < kWidth; ++k)
          sum += a(i, k) * feedback->cost(k) * mean * a(j, k);
        double expected = problem.moments.row(feedback->column(i))[feedback->column(j)] + (i == j ? 0.02 * mean : 0);
        EXPECT_NEAR(sum, expected, 1e-5 * mean);
      }
      for (int64_t j = i; j < feedback->padded(); ++j)
        EXPECT_EQ(feedback->shares(i)[j], 0.0f);
    }
  }
}

/// Codes by the published algorithm: with U the upper factor of the inverse, U U upper, each error over U[k, k] is
/// taken from all that follow.
std::vector<int8_t> publishedCodes(const Problem &problem, double damping, const Rounded &scales) {
  SquareMatrix factor = problem.moments;
  factor.addToDiagonal(damping * factor.meanDiagonal());
  EXPECT_TRUE(factorize(factor));
  SquareMatrix root = inverse(factor);
  EXPECT_TRUE(factorize(root)); // M^-1 = L Lᵀ, U = Lᵀ
  std::vector<int8_t> codes(kRows * kWidth);
  for (int64_t r = 0; r < kRows; ++r) {
    std::vector<double> left(&problem.weights[r * kWidth], &problem.weights[r * kWidth] + kWidth);
    for (int64_t k = 0; k < kWidth; ++k) {
      double code = std::clamp(std::nearbyint(left[k] / scales.scales[r]), -127.0, 127.0);
      codes[r * kWidth + k] = static_cast<int8_t>(code);
      double error = (left[k] - scales.scales[r] * code) / root.row(k)[k];
      for (int64_t j = k + 1; j < kWidth; ++j)
        left[j] -= error * root.row(j)[k];
    }
  }
  return codes;
}

// A sum of f32 may tip what lies within 1e-5 of a half; then what follows differs, too. Few rows do.
TEST(FittedRounding, IsWhatWasPublished) {
  Problem problem(2);
  Rounded fitted = rowsFitted(problem, 0.01, /*byMoments=*/false);
  std::vector<int8_t> published = publishedCodes(problem, 0.01, fitted);
  int64_t same = 0;
  for (int64_t r = 0; r < kRows; ++r)
    same += std::equal(&published[r * kWidth], &published[r * kWidth] + kWidth, &fitted.codes[r * kWidth]);
  EXPECT_GE(same, kRows - 2);
}

TEST(FittedRounding, LosesLessThanToNearest) {
  for (unsigned seed = 1; seed < 6; ++seed) {
    Problem problem(seed);
    double nearest = problem.lost(rowsNearest(problem).numbers());
    EXPECT_LT(problem.lost(rowsFitted(problem).numbers()), 0.5 * nearest);
    EXPECT_LT(problem.lost(rowsFitted(problem, 0.01, false).numbers()), 0.6 * nearest);
    for (const GroupFormat &format : kFormats)
      EXPECT_LT(problem.lost(groupsFitted(problem, format).numbers()),
                0.7 * problem.lost(groupsNearest(problem, format).numbers()))
          << format.bits << " bits, group " << format.group;
  }
}

// Inputs that have nothing to do with each other cannot make up for each other. (Groups also choose better scales.)
TEST(FittedRounding, IsToNearestWithoutLikeness) {
  Problem problem(3);
  problem.moments = SquareMatrix(kWidth);
  problem.moments.addToDiagonal(7);
  Rounded fitted = rowsFitted(problem), nearest = rowsNearest(problem);
  EXPECT_EQ(fitted.codes, nearest.codes);
  EXPECT_EQ(fitted.scales, nearest.scales);
  Rounded eight = groupsFitted(problem, {32, 8, false});
  EXPECT_EQ(eight.codes, groupsNearest(problem, {32, 8, false}).codes);
  for (const GroupFormat &format : kFormats)
    EXPECT_LE(problem.lost(groupsFitted(problem, format).numbers()),
              problem.lost(groupsNearest(problem, format).numbers()) * (1 + 1e-6));
}

// Scales of 8 bits are off by half of a 255th of the row's greatest, minima by a 32nd of a step; next to codes of 4
// bits that is little.
TEST(FittedRounding, SmallScalesLoseLittleMore) {
  for (unsigned seed = 1; seed < 6; ++seed) {
    Problem problem(seed);
    const GroupFormat &format = kFormats[0];
    double nearest = problem.lost(groupsNearest(problem, format, true).numbers());
    EXPECT_LT(nearest, 1.2 * problem.lost(groupsNearest(problem, format).numbers()));
    double fitted = problem.lost(groupsFitted(problem, format, 0.01, true).numbers());
    EXPECT_LT(fitted, 1.2 * problem.lost(groupsFitted(problem, format).numbers()));
    EXPECT_LT(fitted, 0.7 * nearest);
  }
}

TEST(FittedRounding, SmallScalesAreMultiples) {
  Problem problem(8);
  Rounded fitted = groupsFitted(problem, kFormats[0], 0.01, true);
  std::vector<float> units = unitsOf(problem, 32);
  for (size_t i = 0; i < fitted.scales.size(); ++i) {
    float code = fitted.scales[i] / units[i * 32 / kWidth], moved = -16 * fitted.minima[i] / fitted.scales[i];
    EXPECT_EQ(code, std::nearbyint(code));
    EXPECT_NEAR(moved, std::nearbyint(moved), 1e-4);
    EXPECT_TRUE(code >= 1 && code <= 255 && moved > -0.5 && moved < 255.5);
  }
}

TEST(FittedRounding, KeepsCodes) {
  for (const GroupFormat &format : kFormats) {
    Problem problem(4);
    Rounded first = groupsNearest(problem, format);
    std::vector<double> numbers = first.numbers();
    problem.weights.assign(numbers.begin(), numbers.end());
    Rounded nearest = groupsNearest(problem, format), fitted = groupsFitted(problem, format);
    // Only where rounding to nearest finds its own numbers again, there is nothing to lose.
    if (problem.lost(nearest.numbers()) > 0)
      continue;
    EXPECT_EQ(fitted.codes, nearest.codes);
    EXPECT_EQ(fitted.scales, nearest.scales);
    EXPECT_EQ(fitted.minima, nearest.minima);
  }
}

TEST(FittedRounding, MuchDampingIsToNearest) {
  Problem problem(5);
  EXPECT_EQ(rowsFitted(problem, 1e9).codes, rowsNearest(problem).codes);
}

TEST(FittedRounding, EdgesOfNumbers) {
  Problem problem(6);
  std::fill_n(problem.weights.begin(), kWidth, 0.0f); // a row of zeros
  Rounded rows = rowsFitted(problem);
  EXPECT_EQ(rows.scales[0], 0.0f);
  EXPECT_TRUE(std::all_of(rows.codes.begin(), rows.codes.begin() + kWidth, [](int8_t code) { return code == 0; }));
  groupsFitted(problem, kFormats[0]);
  problem.moments = SquareMatrix(kWidth); // of what is always zero
  EXPECT_EQ(rowsFitted(problem).codes, rowsNearest(problem).codes);
}

TEST(FittedRounding, RefusesWhatHasNoAnswer) {
  Problem problem(7);
  std::optional<Feedback> feedback = Feedback::create(problem.moments, 0.01, false);
  for (float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(), 1e30f}) {
    problem.weights[100] = bad;
    Rounded result(32, true);
    EXPECT_FALSE(quantizeGroupsFitted(problem.weights.data(), kRows, *feedback, kFormats[0], result.codes.data(),
                                      result.scales.data(), result.minima.data()));
    if (!std::isfinite(bad)) {
      Rounded rows(kWidth);
      EXPECT_FALSE(quantizeRowsFitted(problem.weights.data(), kRows, *feedback, /*keepZeros=*/false, rows.codes.data(),
                                      rows.scales.data()));
    }
  }
  problem.moments.row(3)[3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(Feedback::create(problem.moments, 0.01, true));
  problem.moments.row(3)[3] = -1e9;
  EXPECT_FALSE(Feedback::create(problem.moments, 0.01, false));
}

} // namespace
