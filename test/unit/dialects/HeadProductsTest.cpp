// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The numbers between two matrices: with all of them their product stays, with fewer it loses the discarded powers, as
// counted token by token, and no other way through as few loses less. Tolerances as in LowRankFactorsTest.cpp.
#include "dialects/lm/weights/HeadProducts.h"
#include "dialects/lm/weights/LinearAlgebra.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

using namespace lmopt::lm;

namespace {

constexpr int64_t kTall = 21, kInner = 8, kWide = 13;
constexpr double kDamping = 1e-12;

/// P [21, 8] and Q [8, 13], measured before by the unit matrix and behind by another.
struct Product {
  std::mt19937 generator{11};
  std::normal_distribution<double> normal;
  std::vector<double> p, q, behind;
  SquareMatrix x{kInner}, y{kInner};

  std::vector<double> numbers(int64_t count) {
    std::vector<double> made(static_cast<size_t>(count));
    for (double &number : made)
      number = normal(generator);
    return made;
  }

  Product() : p(numbers(kTall * kInner)), q(numbers(kInner * kWide)) {
    std::vector<double> inputs = numbers(kWide * 40);
    behind = productTransposed(inputs, kWide, inputs, kWide, 40);
    std::vector<double> columns = transposed(p, kTall, kInner);
    x.numbers = productTransposed(columns, kInner, columns, kInner, kTall);
    y.numbers = productTransposed(productTransposed(q, kInner, behind, kWide, kWide), kInner, q, kInner, kWide);
  }

  /// tr(E C Eᵀ) of E = P Q - P' Q' with P'ᵀ [r, tall] and Q' [r, wide].
  double lost(const std::vector<double> &before, const std::vector<double> &other, int64_t rank) const {
    std::vector<double> error = productTransposed(p, kTall, transposed(q, kInner, kWide), kWide, kInner);
    for (int64_t k = 0; k < rank; ++k)
      for (int64_t t = 0; t < kTall; ++t)
        subtract(error.data() + t * kWide, other.data() + k * kWide, before[size_t(k * kTall + t)], kWide);
    return dot(productTransposed(error, kTall, behind, kWide, kWide).data(), error.data(), kTall * kWide);
  }

  std::vector<double> firstOf(const HeadMixing &mixing, int64_t rank) const {
    return productTransposed(mixing.before, rank, p, kTall, kInner);
  }
  std::vector<double> secondOf(const HeadMixing &mixing, int64_t rank) const {
    return productTransposed(mixing.behind, rank, transposed(q, kInner, kWide), kWide, kInner);
  }
};

TEST(HeadProducts, LoseTheDiscardedPowers) {
  Product product;
  for (int64_t rank = 1; rank < kInner; ++rank) {
    HeadMixing mixing = mixHeads(product.x, product.y, kDamping, rank);
    double expected = std::accumulate(mixing.powers.begin() + rank, mixing.powers.end(), 0.0);
    EXPECT_NEAR(product.lost(product.firstOf(mixing, rank), product.secondOf(mixing, rank), rank) / expected, 1, 1e-6);
  }
}

TEST(HeadProducts, AllNumbersLoseNothing) {
  Product product;
  HeadMixing mixing = mixHeads(product.x, product.y, kDamping, kInner);
  EXPECT_LT(product.lost(product.firstOf(mixing, kInner), product.secondOf(mixing, kInner), kInner),
            1e-18 * std::accumulate(mixing.powers.begin(), mixing.powers.end(), 0.0));
}

TEST(HeadProducts, NothingOfTheRankLosesLess) {
  Product product;
  HeadMixing mixing = mixHeads(product.x, product.y, kDamping, 4);
  std::vector<double> first = product.firstOf(mixing, 4), second = product.secondOf(mixing, 4);
  double least = product.lost(first, second, 4);
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<double> other = first, another = second;
    for (double &number : other)
      number += 0.01 * product.normal(product.generator);
    for (double &number : another)
      number += 0.01 * product.normal(product.generator);
    EXPECT_GT(product.lost(other, another, 4), least);
  }
  std::vector<double> cut(first.size()), columns = transposed(product.p, kTall, kInner);
  std::copy(columns.begin(), columns.begin() + 4 * kTall, cut.begin()); // the first four numbers as they were
  EXPECT_GT(product.lost(cut, product.q, 4), least);
}

TEST(HeadProducts, RefuseMomentsOfNoNumbers) {
  Product product;
  product.x.row(2)[2] = NAN;
  EXPECT_TRUE(mixHeads(product.x, product.y, kDamping, 3).before.empty());
  product.x.row(2)[2] = 1e9;
  product.y.row(1)[1] = INFINITY;
  EXPECT_TRUE(mixHeads(product.x, product.y, kDamping, 3).before.empty());
}

/// Heads of an attention: 4 of width 6 on 2, over 10 inputs.
struct Attention {
  static constexpr int64_t n = 10, d = 6, heads = 4, kvHeads = 2, width = 9, tokens = 30;
  std::mt19937 generator{3};
  std::normal_distribution<double> normal;
  std::vector<double> inputs, mean;
  SquareMatrix centred{n};
  HeadMatrices matrices;

  std::vector<double> numbers(int64_t count, double shift = 0) {
    std::vector<double> made(static_cast<size_t>(count));
    for (double &number : made)
      number = shift + normal(generator);
    return made;
  }

  explicit Attention(bool outputs) : inputs(numbers(tokens * n, 0.7)), mean(n) {
    for (size_t i = 0; i < inputs.size(); ++i)
      mean[i % n] += inputs[i] / tokens;
    std::vector<double> deviations = inputs;
    for (size_t i = 0; i < deviations.size(); ++i)
      deviations[i] -= mean[i % n];
    std::vector<double> columns = transposed(deviations, tokens, n);
    centred.numbers = productTransposed(columns, n, columns, n, tokens);
    matrices = {outputs,
                heads,
                kvHeads,
                outputs ? width : n,
                n,
                numbers(heads * d * (outputs ? width : n)),
                numbers(kvHeads * d * n),
                numbers(outputs ? width : heads * d),
                numbers(kvHeads * d)};
  }

  ReducedHeads reduce(int64_t rank) const { return reduceHeads(matrices, {centred, mean, tokens}, rank, kDamping); }

  /// W x + b for each token: [tokens, rows].
  std::vector<double> apply(const std::vector<double> &weight, const std::vector<double> &bias) const {
    auto rows = static_cast<int64_t>(bias.size());
    std::vector<double> results = productTransposed(inputs, tokens, weight, rows, n);
    for (size_t i = 0; i < results.size(); ++i)
      results[i] += bias[i % bias.size()];
    return results;
  }

  /// What all heads that read one value give for it, one head after another: [heads, tokens, width].
  std::vector<double> results(const std::vector<double> &first, const std::vector<double> &second,
                              const std::vector<double> &secondBias, int64_t rank) const {
    std::vector<double> values = apply(second, secondBias), made;
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t t = 0; t < tokens; ++t)
        for (int64_t i = 0; i < width; ++i)
          made.push_back(dot(first.data() + i * heads * rank + h * rank,
                             values.data() + t * kvHeads * rank + h / (heads / kvHeads) * rank, rank));
    return made;
  }

  /// Scores of all queries and keys: [heads, tokens, tokens].
  std::vector<double> scores(const std::vector<double> &first, const std::vector<double> &firstBias,
                             const std::vector<double> &second, const std::vector<double> &secondBias,
                             int64_t rank) const {
    std::vector<double> queries = apply(first, firstBias), keys = apply(second, secondBias), made;
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < tokens; ++i)
        for (int64_t j = 0; j < tokens; ++j)
          made.push_back(dot(queries.data() + i * heads * rank + h * rank,
                             keys.data() + j * kvHeads * rank + h / (heads / kvHeads) * rank, rank));
    return made;
  }
};

/// The sum of squares of the differences, `count` that lie `stride` apart without their mean.
double deviationOf(const std::vector<double> &a, const std::vector<double> &b, size_t stride, size_t count) {
  double sum = 0;
  for (size_t start = 0; start < a.size(); start += stride * count)
    for (size_t i = 0; i < stride; ++i) {
      double mean = 0;
      for (size_t k = 0; k < count; ++k)
        mean += (a[start + k * stride + i] - b[start + k * stride + i]) / double(count);
      for (size_t k = 0; k < count; ++k) {
        double difference = a[start + k * stride + i] - b[start + k * stride + i] - mean;
        sum += difference * difference;
      }
    }
  return sum;
}

TEST(ReduceHeads, OutputsLoseTheDiscardedPowersAndKeepTheirMean) {
  Attention attention(/*outputs=*/true);
  const HeadMatrices &was = attention.matrices;
  std::vector<double> before = attention.results(was.first, was.second, was.secondBias, Attention::d);
  for (int64_t rank : {2, 5, 6}) {
    ReducedHeads reduced = attention.reduce(rank);
    std::vector<double> after = attention.results(reduced.first, reduced.second, reduced.secondBias, rank);
    double lost = deviationOf(before, after, Attention::width, Attention::tokens);
    EXPECT_NEAR(lost, reduced.all - reduced.kept, 1e-6 * reduced.all) << rank;
    for (int64_t i = 0; i < Attention::width; ++i) { // over all heads and tokens
      double change = Attention::tokens * (reduced.firstBias[size_t(i)] - was.firstBias[size_t(i)]);
      for (size_t at = size_t(i); at < before.size(); at += Attention::width)
        change += after[at] - before[at];
      EXPECT_NEAR(change, 0, 1e-6) << rank;
    }
  }
}

TEST(ReduceHeads, ScoresLoseTheDiscardedPowers) {
  Attention attention(/*outputs=*/false);
  const HeadMatrices &was = attention.matrices;
  std::vector<double> before = attention.scores(was.first, was.firstBias, was.second, was.secondBias, Attention::d);
  for (int64_t rank : {2, 5, 6}) {
    ReducedHeads reduced = attention.reduce(rank);
    std::vector<double> after =
        attention.scores(reduced.first, reduced.firstBias, reduced.second, reduced.secondBias, rank);
    // Of each query, without what all keys have in common: softmax does not see it.
    double lost = deviationOf(before, after, 1, Attention::tokens) / Attention::tokens;
    EXPECT_NEAR(lost, reduced.all - reduced.kept, 1e-6 * reduced.all) << rank;
  }
}

} // namespace
