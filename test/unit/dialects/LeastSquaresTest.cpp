// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Refitting by least squares: against the normal equations solved another way, and by what must hold of any right
// answer. Tolerances: f64 with condition numbers below 1e3 leaves 1e-12; what is stored as f32 leaves 6e-8 of the
// largest number.
#include "dialects/lm/weights/LeastSquares.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace lmopt::lm;

namespace {

constexpr int64_t kRows = 5, kWidth = 12, kTokens = 40;

struct Problem {
  std::vector<float> weights = std::vector<float>(kRows * kWidth);
  std::vector<double> inputs = std::vector<double>(kTokens * kWidth); ///< not centred
  SquareMatrix moments{kWidth};

  explicit Problem(unsigned seed = 3) {
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal;
    for (float &number : weights)
      number = static_cast<float>(normal(generator));
    for (int64_t t = 0; t < kTokens; ++t)
      for (int64_t i = 0; i < kWidth; ++i) // neighbours are alike, so that there is something to make up for
        inputs[t * kWidth + i] = 1 + normal(generator) + (i ? 0.8 * inputs[t * kWidth + i - 1] : 0);
    std::vector<double> products, sums(kWidth);
    for (int64_t i = 0; i < kWidth; ++i)
      for (int64_t j = 0; j <= i; ++j)
        products.push_back(sumOver([&](const double *x) { return x[i] * x[j]; }));
    for (int64_t i = 0; i < kWidth; ++i)
      sums[i] = sumOver([&](const double *x) { return x[i]; });
    moments = centredMoments(products, sums, kTokens);
    means = sums;
    for (double &mean : means)
      mean /= kTokens;
  }

  std::vector<double> means;

  template <typename F>
  double sumOver(F of) const {
    double sum = 0;
    for (int64_t t = 0; t < kTokens; ++t)
      sum += of(inputs.data() + t * kWidth);
    return sum;
  }

  /// sum |W (x - mean) - W' (x - mean)[K]|², token by token.
  double lostByTokens(const std::vector<int64_t> &kept, const std::vector<float> &refitted) const {
    return sumOver([&](const double *x) {
      double lost = 0;
      for (int64_t r = 0; r < kRows; ++r) {
        double difference = 0;
        for (int64_t i = 0; i < kWidth; ++i)
          difference += weights[r * kWidth + i] * (x[i] - means[i]);
        for (size_t k = 0; k < kept.size(); ++k)
          difference -= refitted[r * kept.size() + k] * (x[kept[k]] - means[kept[k]]);
        lost += difference * difference;
      }
      return lost;
    });
  }

  /// What is left when the cheapest goes, again and again.
  std::vector<int64_t> keepCheapest(size_t count, double damping) const {
    std::optional<ColumnRemoval> removal = ColumnRemoval::begin(weights.data(), kRows, moments, damping);
    if (!removal)
      return {};
    std::vector<int64_t> left(kWidth);
    std::iota(left.begin(), left.end(), 0);
    while (left.size() > count) {
      auto cheapest = std::min_element(left.begin(), left.end(),
                                       [&](int64_t a, int64_t b) { return removal->cost({a}) < removal->cost({b}); });
      removal->remove({*cheapest});
      left.erase(cheapest);
    }
    return left;
  }

  static std::vector<int64_t> others(const std::vector<int64_t> &columns) {
    std::vector<int64_t> rest;
    for (int64_t i = 0; i < kWidth; ++i)
      if (std::find(columns.begin(), columns.end(), i) == columns.end())
        rest.push_back(i);
    return rest;
  }

  double lost(const std::vector<int64_t> &kept, double damping = 1e-12) const {
    return lostPower(weights.data(), kRows, moments, kept, refitColumns(weights.data(), kRows, moments, kept, damping));
  }
};

TEST(LeastSquares, FactorAndInverse) {
  Problem problem;
  SquareMatrix factor = problem.moments;
  ASSERT_TRUE(factorize(factor));
  SquareMatrix inverted = inverse(factor);
  for (int64_t i = 0; i < kWidth; ++i)
    for (int64_t j = 0; j < kWidth; ++j) {
      double product = 0, rebuilt = 0;
      for (int64_t k = 0; k < kWidth; ++k)
        product += problem.moments.row(i)[k] * inverted.row(k)[j];
      for (int64_t k = 0; k <= std::min(i, j); ++k)
        rebuilt += factor.row(i)[k] * factor.row(j)[k];
      EXPECT_NEAR(product, i == j, 1e-11);
      EXPECT_NEAR(rebuilt, problem.moments.row(i)[j], 1e-11 * problem.moments.meanDiagonal());
    }
}

TEST(LeastSquares, CentredMomentsAreThoseOfCentredRows) {
  Problem problem;
  for (int64_t i = 0; i < kWidth; ++i)
    for (int64_t j = 0; j < kWidth; ++j)
      EXPECT_NEAR(problem.moments.row(i)[j], problem.sumOver([&](const double *x) {
        return (x[i] - problem.means[i]) * (x[j] - problem.means[j]);
      }),
                  1e-9);
}

TEST(LeastSquares, LostPowerIsWhatTheTokensLose) {
  Problem problem;
  std::vector<int64_t> kept = {0, 3, 4, 9};
  std::vector<float> refitted = refitColumns(problem.weights.data(), kRows, problem.moments, kept, 1e-12);
  double lost = lostPower(problem.weights.data(), kRows, problem.moments, kept, refitted);
  EXPECT_NEAR(lost / problem.lostByTokens(kept, refitted), 1, 1e-9);
  EXPECT_LT(lost, resultPower(problem.weights.data(), kRows, problem.moments));
}

TEST(LeastSquares, NoOtherColumnsLoseLess) {
  Problem problem;
  std::vector<int64_t> kept = {1, 2, 5, 8, 11};
  std::vector<float> best = refitColumns(problem.weights.data(), kRows, problem.moments, kept, 1e-12);
  double least = lostPower(problem.weights.data(), kRows, problem.moments, kept, best);
  for (size_t i = 0; i < best.size(); ++i)
    for (float step : {-0.01F, 0.01F}) {
      std::vector<float> other = best;
      other[i] += step;
      EXPECT_GT(lostPower(problem.weights.data(), kRows, problem.moments, kept, other), least);
    }
}

TEST(LeastSquares, AllColumnsStayAsTheyAre) {
  Problem problem;
  std::vector<int64_t> all(kWidth);
  std::iota(all.begin(), all.end(), 0);
  std::vector<float> refitted = refitColumns(problem.weights.data(), kRows, problem.moments, all, 1e-12);
  for (size_t i = 0; i < refitted.size(); ++i)
    EXPECT_NEAR(refitted[i], problem.weights[i], 1e-6);
}

TEST(LeastSquares, DampingHoldsToWhatWas) {
  Problem problem;
  std::vector<int64_t> kept = {0, 1, 6, 10}, all(kWidth);
  std::iota(all.begin(), all.end(), 0);
  std::vector<float> held = refitColumns(problem.weights.data(), kRows, problem.moments, kept, 1e12);
  for (int64_t r = 0; r < kRows; ++r)
    for (size_t k = 0; k < kept.size(); ++k)
      EXPECT_NEAR(held[size_t(r) * kept.size() + k], problem.weights[size_t(r * kWidth + kept[k])], 1e-6);
  // Where nothing goes, nothing changes, however strong it is.
  EXPECT_EQ(refitColumns(problem.weights.data(), kRows, problem.moments, all, 0.5), problem.weights);
}

TEST(LeastSquares, TheMeanThatIsLostIsThatOfTheRefit) {
  Problem problem;
  std::vector<int64_t> kept = {0, 3, 4, 9};
  std::vector<float> refitted = refitColumns(problem.weights.data(), kRows, problem.moments, kept, 0.01);
  std::vector<double> lost = lostMean(problem.moments, problem.means, kept, 0.01);
  for (int64_t r = 0; r < kRows; ++r) {
    double expected = 0, found = 0;
    for (int64_t i = 0; i < kWidth; ++i) {
      expected += problem.weights[r * kWidth + i] * problem.means[i];
      found += problem.weights[r * kWidth + i] * lost[i];
    }
    for (size_t k = 0; k < kept.size(); ++k)
      expected -= refitted[r * kept.size() + k] * problem.means[kept[k]];
    EXPECT_NEAR(found, expected, 1e-5);
  }
}

TEST(LeastSquares, RemovalTakesTheCheapestEachTime) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    Problem problem(seed);
    std::vector<int64_t> expected(kWidth);
    std::iota(expected.begin(), expected.end(), 0);
    while (expected.size() > 4) { // by trying each
      std::vector<int64_t> best;
      double least = INFINITY;
      for (size_t i = 0; i < expected.size(); ++i) {
        std::vector<int64_t> kept = expected;
        kept.erase(kept.begin() + static_cast<ptrdiff_t>(i));
        if (double lost = problem.lost(kept); lost < least) {
          least = lost;
          best = kept;
        }
      }
      expected = best;
      EXPECT_EQ(problem.keepCheapest(expected.size(), 1e-12), expected) << seed;
    }
  }
}

// tr(W_R H_RR^-1 W_Rᵀ) is what least squares without R loses (techniques 7.4), whatever went before.
TEST(LeastSquares, ABlockCostsWhatIsLostWithoutIt) {
  Problem problem;
  const std::vector<std::vector<int64_t>> blocks = {{4, 5, 6}, {11}, {0, 9}, {1, 2, 3}};
  std::optional<ColumnRemoval> removal = ColumnRemoval::begin(problem.weights.data(), kRows, problem.moments, 1e-12);
  ASSERT_TRUE(removal);
  std::vector<int64_t> removed;
  double before = 0;
  for (const std::vector<int64_t> &block : blocks) {
    removed.insert(removed.end(), block.begin(), block.end());
    double cost = removal->cost(block), after = problem.lost(Problem::others(removed));
    EXPECT_NEAR(cost, after - before, 1e-6 * after); // refitted weights are stored as f32
    removal->remove(block);
    before = after;
  }
}

TEST(LeastSquares, ABlockCostsAsMuchAsItsColumnsOneByOne) {
  Problem problem;
  for (double damping : {1e-12, 0.3}) {
    std::optional<ColumnRemoval> whole = ColumnRemoval::begin(problem.weights.data(), kRows, problem.moments, damping);
    std::optional<ColumnRemoval> single = whole;
    double sum = 0;
    for (int64_t column : {3, 8, 10}) {
      sum += single->cost({column});
      single->remove({column});
    }
    EXPECT_NEAR(whole->cost({3, 8, 10}) / sum, 1, 1e-9) << damping;
    whole->remove({3, 8, 10});
    EXPECT_NEAR(whole->cost({0, 1}) / single->cost({0, 1}), 1, 1e-9) << damping;
  }
}

TEST(LeastSquares, WhatAnotherStandsForGoesFirstAndCostsNothing) {
  Problem problem;
  for (int64_t i = 0; i < kWidth; ++i) // input 7 is twice input 2
    problem.moments.row(7)[i] = problem.moments.row(i)[7] =
        2 * problem.moments.row(i == 7 ? 2 : i)[2] * (i == 7 ? 2 : 1);
  std::vector<int64_t> kept = problem.keepCheapest(kWidth - 1, 1e-9);
  ASSERT_EQ(kept.size(), size_t(kWidth - 1));
  EXPECT_TRUE(std::count(kept.begin(), kept.end(), 7) + std::count(kept.begin(), kept.end(), 2) == 1);
  std::vector<float> refitted = refitColumns(problem.weights.data(), kRows, problem.moments, kept, 1e-9);
  EXPECT_LT(lostPower(problem.weights.data(), kRows, problem.moments, kept, refitted),
            1e-6 * resultPower(problem.weights.data(), kRows, problem.moments));
}

TEST(LeastSquares, RefusesWhatIsNoMatrixOfMoments) {
  Problem problem;
  for (double number : {-1.0, double(NAN), double(INFINITY)}) {
    SquareMatrix moments = problem.moments;
    moments.row(5)[5] = number;
    EXPECT_TRUE(refitColumns(problem.weights.data(), kRows, moments, {4, 5}, 1e-6).empty()) << number;
    EXPECT_FALSE(ColumnRemoval::begin(problem.weights.data(), kRows, moments, 1e-6)) << number;
  }
}

} // namespace
