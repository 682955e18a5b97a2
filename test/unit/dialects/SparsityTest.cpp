// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Zeros by magnitude and by moments: how many and which, the formulas on a matrix that can be solved otherwise, and
// what must hold of any such choice: less is lost than by magnitude, nothing more than what is zeroed where inputs have
// nothing to do with one another. Blocks that rows share end at the least squares of their zeros.
#include "dialects/lm/weights/Sparsity.h"

#include "test/unit/dialects/RoundingProblem.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace lmopt;
using namespace lmopt::lm;

namespace {

constexpr int64_t kRows = 24, kWidth = 160, kTokens = 400; // more columns than a run

struct Problem : test::RoundingProblem {
  explicit Problem(unsigned seed, double likeness = 0.9) : RoundingProblem(kRows, kWidth, kTokens, seed, likeness) {}

  std::vector<float> byMagnitude(const Sparsity &sparsity) const {
    std::vector<float> result = weights;
    zeroLeast(result.data(), kRows, kWidth, sparsity);
    return result;
  }
  std::vector<float> fitted(const Sparsity &sparsity, double damping = 0.01) const {
    std::vector<float> result = weights;
    std::optional<Feedback> feedback = Feedback::create(moments, damping, false);
    EXPECT_TRUE(feedback && zeroFitted(result.data(), kRows, sparsity, *feedback, moments, damping));
    return result;
  }
};

int64_t zerosOf(const std::vector<float> &numbers) { return std::count(numbers.begin(), numbers.end(), 0.0f); }

TEST(Sparsity, MagnitudeTakesTheLeastAndOfEqualOnesTheFirst) {
  std::vector<float> w = {3, -1, 2, 1, -1, 4, 0.5, 5};
  zeroLeast(w.data(), 2, 4, {0.375}); // 3 of 8: 0.5, then two of the three of magnitude 1
  EXPECT_EQ(w, (std::vector<float>{3, 0, 2, 0, -1, 4, 0, 5}));
}

TEST(Sparsity, MagnitudeInGroupsAndBlocks) {
  std::vector<float> w = {3, -1, 2, 1, 9, 8, 7, 6};
  zeroLeast(w.data(), 2, 4, {0.5, 1, 1, 4});
  EXPECT_EQ(w, (std::vector<float>{3, 0, 2, 0, 9, 8, 0, 0}));
  // Blocks of 2x2 of a 3x3 matrix: energies 4, 25 | 9, 1; half of the four go.
  std::vector<float> m = {1, 1, 3, 1, 1, 4, 3, 0, 1};
  zeroLeast(m.data(), 3, 3, {0.5, 2, 2});
  EXPECT_EQ(m, (std::vector<float>{0, 0, 3, 0, 0, 4, 3, 0, 0}));
}

TEST(Sparsity, FittedHasAsManyZeros) {
  Problem problem(1);
  for (double ratio : {0.25, 0.5, 0.9}) {
    EXPECT_EQ(zerosOf(problem.fitted({ratio})), std::llround(ratio * kRows * kWidth));
    // 2 x 40 blocks of 16x4, the lower ones with 8 rows only.
    std::vector<float> blocks = problem.fitted({ratio, 16, 4});
    int64_t zeroBlocks = 0;
    for (int64_t r : {0, 16})
      for (int64_t k = 0; k < kWidth; k += 4) {
        int64_t zeros = 0, size = 4 * std::min<int64_t>(16, kRows - r);
        for (int64_t i = 0; i < size; ++i)
          zeros += blocks[(r + i / 4) * kWidth + k + i % 4] == 0;
        EXPECT_TRUE(zeros == 0 || zeros == size) << r << " " << k;
        zeroBlocks += zeros == size;
      }
    EXPECT_EQ(zeroBlocks, std::llround(ratio * 80));
  }
  std::vector<float> groups = problem.fitted({0.5, 1, 1, 4});
  for (size_t i = 0; i < groups.size(); i += 4)
    EXPECT_EQ(std::count(groups.begin() + i, groups.begin() + i + 4, 0.0f), 2) << i;
}

TEST(Sparsity, FittedLosesLess) {
  for (unsigned seed = 1; seed < 4; ++seed) {
    Problem problem(seed);
    for (const Sparsity &sparsity : {Sparsity{0.5}, Sparsity{0.5, 1, 1, 4}, Sparsity{0.5, 16, 4}, Sparsity{0.5, 1, 4}})
      EXPECT_LT(problem.lost(problem.fitted(sparsity)), 0.7 * problem.lost(problem.byMagnitude(sparsity)))
          << sparsity.blockRows << "x" << sparsity.blockColumns << " group " << sparsity.group;
  }
}

// Inputs that have nothing to do with one another cannot stand for one another: what stays is as it was, and those go
// that have the least w² times the moment of their input.
TEST(Sparsity, NothingMakesUpForInputsThatAreNotAlike) {
  Problem problem(5);
  for (int64_t i = 0; i < kWidth; ++i)
    for (int64_t j = 0; j < kWidth; ++j)
      problem.moments.row(i)[j] = i == j ? 1 + i % 3 : 0;
  for (const Sparsity &sparsity : {Sparsity{0.5, 1, 1, 4}, Sparsity{0.5}}) {
    std::vector<float> result = problem.fitted(sparsity);
    for (size_t i = 0; i < result.size(); ++i)
      EXPECT_TRUE(result[i] == 0 || result[i] == problem.weights[i]) << i;
  }
  std::vector<float> groups = problem.fitted({0.5, 1, 1, 4});
  const double damped = 0.01 * problem.moments.meanDiagonal();
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t k = 0; k < kWidth; k += 4) {
      double greatestZero = 0, leastKept = INFINITY;
      for (int64_t i = k; i < k + 4; ++i) {
        double w = problem.weights[r * kWidth + i], cost = w * w * (1 + i % 3 + damped);
        groups[r * kWidth + i] == 0 ? greatestZero = std::max(greatestZero, cost)
                                    : leastKept = std::min(leastKept, cost);
      }
      EXPECT_LE(greatestZero, leastKept * 1.0001) << r << " " << k;
    }
}

// For its zeros, the gradient of the damped loss in what stays is zero: M (w - v) = d (v - w) on what stays.
TEST(Sparsity, BlocksOfRowsEndAtTheLeastSquares) {
  Problem problem(7);
  const double damping = 0.01, d = damping * problem.moments.meanDiagonal();
  std::vector<float> result = problem.fitted({0.5, 16, 4}, damping);
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t k = 0; k < kWidth; ++k) {
      if (result[r * kWidth + k] == 0)
        continue;
      double gradient = 0, size = 0;
      for (int64_t j = 0; j < kWidth; ++j) {
        double term = problem.moments.row(k)[j] * (double(problem.weights[r * kWidth + j]) - result[r * kWidth + j]);
        gradient += term, size += std::fabs(term);
      }
      double pull = d * (double(problem.weights[r * kWidth + k]) - result[r * kWidth + k]);
      EXPECT_NEAR(gradient + pull, 0, 1e-5 * (size + std::fabs(pull))) << r << " " << k; // rounding of v to f32
    }
}

// One row of which 1 of 2 goes, by hand: M = [[a, b], [b, c]] = A D Aᵀ with A[0, 1] = b / c, D = (a - b²/c, c).
TEST(Sparsity, TwoColumnsByHand) {
  SquareMatrix moments(2);
  moments.row(0)[0] = 4, moments.row(0)[1] = moments.row(1)[0] = 3, moments.row(1)[1] = 9;
  std::optional<Feedback> feedback = Feedback::create(moments, 1e-9, false);
  ASSERT_TRUE(feedback);
  std::vector<float> w = {1, 1}; // D = (3, 9): the first costs 3, the second 9
  ASSERT_TRUE(zeroFitted(w.data(), 1, {0.5}, *feedback, moments, 1e-9));
  EXPECT_EQ(w[0], 0);
  EXPECT_NEAR(w[1], 1 + 3.0 / 9, 1e-6);
}

TEST(Sparsity, ZerosThatAreKeptInRounding) {
  Problem problem(9);
  std::vector<float> sparse = problem.fitted({0.5});
  std::optional<Feedback> feedback = Feedback::create(problem.moments, 0.01, true);
  std::vector<int8_t> codes(kRows * kWidth), free(codes);
  std::vector<float> scales(kRows);
  ASSERT_TRUE(feedback && quantizeRowsFitted(sparse.data(), kRows, *feedback, true, codes.data(), scales.data()));
  ASSERT_TRUE(quantizeRowsFitted(sparse.data(), kRows, *feedback, false, free.data(), scales.data()));
  int64_t filled = 0;
  for (size_t i = 0; i < codes.size(); ++i) {
    EXPECT_TRUE(sparse[i] != 0 || codes[i] == 0) << i;
    filled += sparse[i] == 0 && free[i] != 0;
  }
  EXPECT_GT(filled, 0) << "without the option zeros take up errors";
  GroupFormat format = {32, 8, false};
  format.keepZeros = true;
  std::optional<Feedback> inOrder = Feedback::create(problem.moments, 0.01, false);
  std::vector<float> groupScales(kRows * kWidth / 32);
  ASSERT_TRUE(quantizeGroupsFitted(sparse.data(), kRows, *inOrder, format, codes.data(), groupScales.data(), nullptr));
  for (size_t i = 0; i < codes.size(); ++i)
    EXPECT_TRUE(sparse[i] != 0 || codes[i] == 0) << i;
}

TEST(Sparsity, CountsBlocksWithACode) {
  const std::vector<int8_t> codes = {0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}; // 3x5
  EXPECT_EQ(countBlocks(codes.data(), 3, 5, 1, 1), 2);
  EXPECT_EQ(countBlocks(codes.data(), 3, 5, 2, 2), 2);
  EXPECT_EQ(countBlocks(codes.data(), 3, 5, 16, 4), 2);
  EXPECT_EQ(countBlocks(codes.data(), 3, 5, 16, 8), 1);
}

TEST(Sparsity, SingularMomentsAreRefused) {
  Problem problem(11);
  problem.moments.row(3)[3] = INFINITY;
  EXPECT_FALSE(Feedback::create(problem.moments, 0.01, false));
}

} // namespace
