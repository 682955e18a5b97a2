// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of low rank: what they lose token by token is the sum of the discarded squares of singular values
// (techniques 12), nothing else of that rank loses less, and with all ranks nothing is lost. Tolerances: f64 with
// condition numbers below 1e4 leaves 1e-10.
#include "dialects/lm/weights/LowRankFactors.h"
#include "dialects/lm/weights/LinearAlgebra.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

using namespace lmopt::lm;

namespace {

constexpr int64_t kTokens = 60;

struct Problem {
  int64_t rows, width;
  std::vector<float> weights;
  std::vector<double> inputs, means; ///< inputs [tokens, width], not centred
  SquareMatrix moments;
  std::mt19937 generator{5};
  std::normal_distribution<double> normal;

  Problem(int64_t rows, int64_t width) : rows(rows), width(width), moments(width) {
    for (int64_t i = 0; i < rows * width; ++i)
      weights.push_back(float(normal(generator)));
    for (int64_t t = 0; t < kTokens; ++t)
      for (int64_t i = 0; i < width; ++i) // neighbours are alike, and some inputs are far larger than others
        inputs.push_back(0.5 + (i % 5 == 0 ? 6 : 1) * normal(generator) + (i ? 0.7 * inputs.back() : 0));
    measure();
  }

  void measure() {
    std::vector<double> columns = transposed(inputs, kTokens, width);
    std::vector<double> products = productTransposed(columns, width, columns, width, kTokens), lower;
    for (int64_t i = 0; i < width; ++i) {
      lower.insert(lower.end(), products.begin() + i * width, products.begin() + i * width + i + 1);
      means.push_back(std::accumulate(columns.begin() + i * kTokens, columns.begin() + (i + 1) * kTokens, 0.0));
    }
    moments = centredMoments(lower, means, kTokens);
    for (double &mean : means)
      mean /= kTokens;
  }

  Metric whitening(double damping = 1e-13) const { return whiteningMetric(moments, damping); }

  LowRankFactors factors(const Metric &metric, int64_t rank) const {
    return lowRankFactors(weights.data(), rows, width, metric, rank);
  }
  double lost(const LowRankFactors &factors) const {
    return lostPower(weights.data(), rows, width, factors, Metric(moments));
  }

  /// sum |(W - A B) (x - mean)|², token by token.
  double lostByTokens(const LowRankFactors &factors) const {
    double sum = 0;
    for (int64_t t = 0; t < kTokens; ++t) {
      std::vector<double> x(inputs.begin() + t * width, inputs.begin() + (t + 1) * width);
      for (int64_t i = 0; i < width; ++i)
        x[size_t(i)] -= means[size_t(i)];
      std::vector<double> inner = productTransposed(factors.right, factors.rank, x, 1, width);
      for (int64_t r = 0; r < rows; ++r) {
        double difference = -dot(factors.left.data() + r * factors.rank, inner.data(), factors.rank);
        for (int64_t i = 0; i < width; ++i)
          difference += double(weights[size_t(r * width + i)]) * x[size_t(i)];
        sum += difference * difference;
      }
    }
    return sum;
  }

  double discarded(const Metric &metric, int64_t rank) const {
    std::vector<double> powers = squaredSingularValues(weights.data(), rows, width, metric);
    EXPECT_EQ(int64_t(powers.size()), std::min(rows, width));
    return std::accumulate(powers.begin() + rank, powers.end(), 0.0);
  }
};

/// More results than inputs, as many, and fewer: the eigenproblem is of the lesser side.
class LowRank : public testing::TestWithParam<std::pair<int64_t, int64_t>> {
protected:
  Problem problem{GetParam().first, GetParam().second};
};

TEST_P(LowRank, LosesTheDiscardedSquares) {
  for (int64_t rank : {1, 4, 9}) {
    LowRankFactors factors = problem.factors(problem.whitening(), rank);
    double expected = problem.discarded(problem.whitening(), rank);
    EXPECT_NEAR(problem.lostByTokens(factors) / expected, 1, 1e-6) << rank;
    EXPECT_NEAR(problem.lost(factors) / expected, 1, 1e-9) << rank;
  }
}

TEST_P(LowRank, PlainLosesThoseOfTheWeights) {
  LowRankFactors factors = problem.factors(Metric(), 4);
  double lost = lostPower(problem.weights.data(), problem.rows, problem.width, factors, Metric());
  EXPECT_NEAR(lost / problem.discarded(Metric(), 4), 1, 1e-9);
}

TEST_P(LowRank, FullRankIsTheMatrix) {
  int64_t rank = std::min(problem.rows, problem.width);
  for (const Metric &metric :
       {Metric(), problem.whitening(), rmsMetric(problem.moments, problem.means, kTokens, 0.5)}) {
    LowRankFactors factors = problem.factors(metric, rank);
    std::vector<double> product = productTransposed(
        factors.left, problem.rows, transposed(factors.right, rank, problem.width), problem.width, rank);
    for (size_t i = 0; i < product.size(); ++i)
      EXPECT_NEAR(product[i], problem.weights[i], 1e-9);
  }
}

TEST_P(LowRank, NoOtherMethodLosesLess) {
  for (int64_t rank : {2, 6}) {
    double least = problem.lost(problem.factors(problem.whitening(), rank));
    EXPECT_GT(problem.lost(problem.factors(Metric(), rank)), 1.01 * least);
    for (double alpha : {0.25, 0.5, 1.0})
      EXPECT_GT(problem.lost(problem.factors(rmsMetric(problem.moments, problem.means, kTokens, alpha), rank)),
                1.01 * least);
  }
}

TEST_P(LowRank, NoOtherFactorsLoseLess) {
  LowRankFactors best = problem.factors(problem.whitening(), 5);
  double least = problem.lost(best);
  for (int trial = 0; trial < 50; ++trial) {
    LowRankFactors other = best;
    for (double &number : other.left)
      number += 0.01 * problem.normal(problem.generator);
    for (double &number : other.right)
      number += 0.01 * problem.normal(problem.generator);
    EXPECT_GT(problem.lost(other), least);
    for (double &number : other.left) // and any
      number = problem.normal(problem.generator);
    EXPECT_GT(problem.lost(other), least);
  }
}

TEST_P(LowRank, FactorsShareTheSingularValues) {
  LowRankFactors factors = problem.factors(problem.whitening(), 3);
  std::vector<double> powers =
      squaredSingularValues(problem.weights.data(), problem.rows, problem.width, problem.whitening());
  std::vector<double> columns = transposed(factors.left, problem.rows, 3);
  std::vector<double> inner =
      productTransposed(problem.whitening().after(factors.right, 3, problem.width), 3, factors.right, 3, problem.width);
  for (int64_t k = 0; k < 3; ++k) {
    double value = std::sqrt(powers[size_t(k)]);
    EXPECT_NEAR(dot(columns.data() + k * problem.rows, columns.data() + k * problem.rows, problem.rows) / value, 1,
                1e-9);
    EXPECT_NEAR(inner[size_t(k * 3 + k)] / value, 1, 1e-9); // the power of z[k] over the tokens
  }
}

TEST_P(LowRank, ThatOfTheMatrixIsEnough) {
  for (int64_t r = 3; r < problem.rows; ++r) // rows 0 to 2 and their sums
    for (int64_t i = 0; i < problem.width; ++i)
      problem.weights[size_t(r * problem.width + i)] =
          problem.weights[size_t((r - 3) * problem.width + i)] + problem.weights[size_t((r - 2) * problem.width + i)];
  for (const Metric &metric : {Metric(), problem.whitening(1e-6)})
    for (int64_t rank : {3, 7}) {
      LowRankFactors factors = problem.factors(metric, rank);
      for (double number : factors.right)
        EXPECT_TRUE(std::isfinite(number));
      EXPECT_LT(problem.lost(factors), 1e-9 * resultPower(problem.weights.data(), problem.rows, problem.moments));
    }
}

TEST_P(LowRank, LostResultIsThatOfTheProduct) {
  LowRankFactors factors = problem.factors(problem.whitening(), 4);
  std::vector<double> lost = lostResult(problem.weights.data(), problem.rows, problem.means, factors);
  std::vector<double> inner = productTransposed(factors.right, 4, problem.means, 1, problem.width);
  for (int64_t r = 0; r < problem.rows; ++r) {
    double expected = -dot(factors.left.data() + r * 4, inner.data(), 4);
    for (int64_t i = 0; i < problem.width; ++i)
      expected += double(problem.weights[size_t(r * problem.width + i)]) * problem.means[size_t(i)];
    EXPECT_NEAR(lost[size_t(r)], expected, 1e-9);
  }
}

TEST_P(LowRank, RefusesNumbersThatAreNotFinite) {
  problem.weights[3] = NAN;
  EXPECT_EQ(problem.factors(Metric(), 2).rank, 0);
  EXPECT_TRUE(squaredSingularValues(problem.weights.data(), problem.rows, problem.width, Metric()).empty());
  problem.weights[3] = 1;
  problem.moments.row(1)[1] = INFINITY;
  EXPECT_EQ(problem.factors(problem.whitening(), 2).rank, 0);
}

INSTANTIATE_TEST_SUITE_P(Shapes, LowRank, testing::Values(std::pair(12, 20), std::pair(14, 14), std::pair(25, 11)),
                         [](const auto &info) {
                           return std::to_string(info.param.first) + "x" + std::to_string(info.param.second);
                         });

} // namespace
