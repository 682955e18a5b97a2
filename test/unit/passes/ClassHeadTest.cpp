// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a head of classes is fitted with: products against plain loops, the minimum of a function that is known, shares
// of classes against a softmax written out; a head that is linear in its input is found again; and that the fit is
// better than its start, and the same whatever the number of threads.
#include "passes/factorize-softmax/ClassHead.h"
#include "passes/factorize-softmax/Minimize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace lmopt::lm;

namespace {

std::vector<float> normal(size_t count, unsigned seed, float scale = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> distribution(0, scale);
  std::vector<float> numbers(count);
  for (float &x : numbers)
    x = distribution(generator);
  return numbers;
}

TEST(RowProducts, AreThoseOfLoops) {
  constexpr int64_t kRows = 7, kWords = 21, kWidth = 9;
  std::vector<float> rows = normal(kRows * kWidth, 1), words = normal(kWords * kWidth, 2);
  std::vector<int64_t> order;
  for (int64_t n = 0; n < kWords; ++n)
    order.push_back((n * 5) % kWords);
  PanelMatrix matrix(words.data(), kWords, kWidth, order.data());
  ASSERT_EQ(matrix.stride(), 32);
  std::vector<float> found(static_cast<size_t>(kRows * matrix.stride()), -1);
  matrix.multiply(rows.data(), kRows, found.data());
  std::vector<float> outer(kWords * kWidth), squares(kWidth * kWidth);
  addOuterProducts(rows.data(), kWidth, kWidth, rows.data(), kWidth, kRows, squares.data());
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t n = 0; n < matrix.stride(); ++n) {
      double sum = 0;
      for (int64_t k = 0; k < kWidth && n < kWords; ++k)
        sum += double(rows[r * kWidth + k]) * words[order[n] * kWidth + k];
      EXPECT_NEAR(found[r * matrix.stride() + n], sum, 1e-5) << r << " " << n; // 2 * 9 roundings of at most some 10
    }
  for (int64_t i = 0; i < kWidth; ++i)
    for (int64_t j = 0; j < kWidth; ++j) {
      double sum = 0;
      for (int64_t r = 0; r < kRows; ++r)
        sum += double(rows[r * kWidth + i]) * rows[r * kWidth + j];
      EXPECT_NEAR(squares[i * kWidth + j], sum, 1e-5);
    }
}

// sum of c (x - i)^2 with c from 1 to 1000: the least is 0 at 0, 1, 2, ...
TEST(Minimize, FindsTheLeast) {
  constexpr size_t kSize = 30;
  auto objective = [](const std::vector<double> &x, std::vector<double> &gradient) {
    double value = 0;
    for (size_t i = 0; i < kSize; ++i) {
      double c = std::pow(1000, double(i) / (kSize - 1)), off = x[i] - double(i);
      value += c * off * off;
      gradient[i] = 2 * c * off;
    }
    return value;
  };
  std::vector<double> point(kSize, 5);
  EXPECT_LT(minimize(point, objective, 300), 1e-12);
  for (size_t i = 0; i < kSize; ++i)
    EXPECT_NEAR(point[i], double(i), 1e-6);
  std::vector<double> there = point;
  minimize(there, objective, 300); // nothing is below: it stays, or nearly
  for (size_t i = 0; i < kSize; ++i)
    EXPECT_NEAR(there[i], double(i), 1e-6);
}

constexpr int64_t kWidth = 6, kWords = 20;
const std::vector<int64_t> kSizes = {5, 1, 14};

struct Problem {
  HeadRows rows;
  std::vector<float> words = normal(kWords * kWidth, 5), bias = normal(kWords, 6);
  mlir::MLIRContext context;

  explicit Problem(int64_t count) {
    rows.width = kWidth;
    rows.rows = normal(static_cast<size_t>(count * kWidth), 4);
    for (int64_t r = 0; r < count; ++r) {
      double sum = 0;
      for (int64_t n = 0; n < kWords; ++n)
        sum += std::exp(logit(r, n));
      rows.lse.push_back(std::log(sum));
    }
  }
  double logit(int64_t r, int64_t n) const {
    double sum = bias[n];
    for (int64_t k = 0; k < kWidth; ++k)
      sum += double(rows.rows[r * kWidth + k]) * words[n * kWidth + k];
    return sum;
  }
  std::vector<float> shares() {
    return classShares(&context, rows, PanelMatrix(words.data(), kWords, kWidth), bias, kSizes);
  }
};

TEST(ClassHead, SharesAreSumsOfProbabilities) {
  Problem problem(70); // more than a block
  std::vector<float> shares = problem.shares();
  std::vector<double> mean = meanProbabilities(&problem.context, problem.rows,
                                               PanelMatrix(problem.words.data(), kWords, kWidth), problem.bias);
  std::vector<double> expected(kWords);
  for (int64_t r = 0; r < 70; ++r)
    for (int64_t c = 0, begin = 0; c < 3; begin += kSizes[c++]) {
      double sum = 0;
      for (int64_t n = begin; n < begin + kSizes[c]; ++n) {
        double p = std::exp(problem.logit(r, n) - problem.rows.lse[r]);
        sum += p;
        expected[n] += p / 70;
      }
      EXPECT_NEAR(shares[r * 3 + c], sum, 1e-5); // logits of at most 15 in f32
    }
  for (int64_t n = 0; n < kWords; ++n)
    EXPECT_NEAR(mean[n], expected[n], 1e-5);
}

/// Shares of a softmax that is linear in the rows.
std::vector<float> linearShares(const HeadRows &rows, const std::vector<float> &scores, int64_t classes) {
  std::vector<float> shares;
  for (int64_t r = 0; r < rows.count(); ++r) {
    std::vector<double> powers;
    double total = 0;
    for (int64_t c = 0; c < classes; ++c) {
      double score = 0;
      for (int64_t k = 0; k < kWidth; ++k)
        score += double(rows.rows[r * kWidth + k]) * scores[c * kWidth + k];
      total += powers.emplace_back(std::exp(score));
    }
    for (double power : powers)
      shares.push_back(float(power / total));
  }
  return shares;
}

// What is linear is found again, but for what the ridge takes from it: 1e-4 of scores of some 2 over a curvature p (1 -
// p) of some 0.1 moves them by 2e-3, and KL is half the square of that times the curvature, 2e-7, for each of a few
// directions; larger where p is smaller.
TEST(ClassHead, FindsWhatIsLinear) {
  Problem problem(400);
  std::vector<float> shares = linearShares(problem.rows, normal(3 * kWidth, 9, 0.7f), 3);
  std::optional<ClassHead> head = fitClassHead(&problem.context, problem.rows, shares, 3);
  ASSERT_TRUE(head);
  EXPECT_LT(head->fitted, 1e-5);
  EXPECT_LT(head->heldOut, 1e-5);
  EXPECT_GE(head->heldOut, 0);
}

/// Mean KL of the rows for which `take` is true, in f64.
double divergence(const Problem &problem, const std::vector<float> &shares, const ClassHead &head, bool heldOut) {
  auto classes = static_cast<int64_t>(head.bias.size());
  double sum = 0, count = 0;
  for (int64_t r = 0; r < problem.rows.count(); ++r) {
    if (isHeldOut(r) != heldOut)
      continue;
    std::vector<double> scores;
    double total = 0;
    for (int64_t c = 0; c < classes; ++c) {
      double score = head.bias[c];
      for (int64_t k = 0; k < kWidth; ++k)
        score += double(problem.rows.rows[r * kWidth + k]) * head.weight[c * kWidth + k];
      total += std::exp(scores.emplace_back(score));
    }
    for (int64_t c = 0; c < classes; ++c)
      sum += shares[r * classes + c] * (std::log(shares[r * classes + c]) - scores[c] + std::log(total));
    ++count;
  }
  return sum / count;
}

TEST(ClassHead, SaysWhatItIsWorth) {
  Problem problem(300);
  std::vector<float> shares = problem.shares();
  std::optional<ClassHead> head = fitClassHead(&problem.context, problem.rows, shares, 3);
  ASSERT_TRUE(head);
  EXPECT_NEAR(head->fitted, divergence(problem, shares, *head, false), 1e-5);
  EXPECT_NEAR(head->heldOut, divergence(problem, shares, *head, true), 1e-5);
  EXPECT_GT(head->heldOut, 1e-3); // a log of sums of exponentials is not linear
  // Scores that say nothing: the mean share of each class.
  ClassHead flat;
  flat.weight.resize(3 * kWidth);
  std::vector<double> means(3);
  for (size_t i = 0; i < shares.size(); ++i)
    means[i % 3] += shares[i] / 300;
  for (double mean : means)
    flat.bias.push_back(float(std::log(mean)));
  EXPECT_LT(head->fitted, 0.3 * divergence(problem, shares, flat, false));
}

// A minimum of a convex function: no small change of any weight is better on the rows of the fit, but for the ridge.
TEST(ClassHead, IsAtTheLeast) {
  Problem problem(300);
  std::vector<float> shares = problem.shares();
  std::optional<ClassHead> head = fitClassHead(&problem.context, problem.rows, shares, 3);
  ASSERT_TRUE(head);
  double least = divergence(problem, shares, *head, false);
  for (size_t i = 0; i < head->weight.size(); ++i)
    for (float change : {-0.05f, 0.05f}) {
      ClassHead other = *head;
      other.weight[i] += change;
      EXPECT_GT(divergence(problem, shares, other, false), least) << i;
    }
}

TEST(ClassHead, OneClassIsCertain) {
  Problem problem(20);
  std::optional<ClassHead> head = fitClassHead(&problem.context, problem.rows, std::vector<float>(20, 1), 1);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->fitted, 0);
  EXPECT_EQ(head->heldOut, 0);
}

TEST(ClassHead, SameForAnyNumberOfThreads) {
  Problem problem(300);
  std::vector<float> shares = problem.shares();
  std::optional<ClassHead> several = fitClassHead(&problem.context, problem.rows, shares, 3);
  problem.context.disableMultithreading();
  EXPECT_EQ(problem.shares(), shares);
  std::optional<ClassHead> one = fitClassHead(&problem.context, problem.rows, shares, 3);
  ASSERT_TRUE(several && one);
  EXPECT_EQ(several->weight, one->weight);
  EXPECT_EQ(several->bias, one->bias);
}

TEST(ClassHead, RefusesWhatIsNoNumber) {
  Problem problem(20);
  std::vector<float> shares = problem.shares();
  problem.rows.rows[3] = INFINITY;
  EXPECT_FALSE(fitClassHead(&problem.context, problem.rows, shares, 3));
}

} // namespace
