// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What experts are fitted with: ridge regression against a problem that is solved by hand, a router that finds the
// cluster that gives most, a repair that makes copies stand for each other and that is, with one cluster for a row, a
// problem of each cluster by itself; rows that are judged by are not fitted to.
#include "passes/split-ffn/FitRepair.h"
#include "passes/split-ffn/FitRouter.h"
#include "passes/split-ffn/Ridge.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace lmopt;
using namespace lmopt::lm;

namespace {

std::vector<float> normal(size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> numbers(count);
  for (float &x : numbers)
    x = distribution(generator);
  return numbers;
}

// sum (t - d z)² + p d² is least at d = sum t z / (sum z² + p), feature by feature where they do not meet.
TEST(Ridge, OfFeaturesThatDoNotMeet) {
  Ridge ridge(2, 2);
  ridge.add({1, 0, 2, 0}, {3, 1, 4, 1});
  ridge.add({0, 3}, {6, -3});
  EXPECT_EQ(ridge.meanSquares(0, 1), 5);
  EXPECT_EQ(ridge.meanSquares(0, 2), 7);
  std::optional<std::vector<float>> solved = ridge.solve({0, 3});
  ASSERT_TRUE(solved);
  std::vector<float> expected = {11.0F / 5, 18.0F / 12, 3.0F / 5, -9.0F / 12};
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR((*solved)[i], expected[i], 1e-6) << i;
}

TEST(Ridge, RefusesWhatIsSingularOrNotFinite) {
  Ridge twice(2, 1);
  twice.add({1, 1, 2, 2}, {1, 2});
  EXPECT_FALSE(twice.solve({0, 0}));
  EXPECT_TRUE(twice.solve({1, 1}));
  Ridge infinite(1, 1);
  infinite.add({INFINITY}, {1});
  EXPECT_FALSE(infinite.solve({1}));
}

TEST(BlockRows, EveryFourthIsJudgedBy) {
  std::vector<float> rows;
  for (int i = 0; i < 64 * 3; ++i)
    rows.push_back(static_cast<float>(i / 3));
  std::optional<BlockRows> split = BlockRows::measured(rows, 3);
  ASSERT_TRUE(split);
  EXPECT_EQ(split->fit.size(), 48u * 3);
  ASSERT_EQ(split->judge.size(), 16u * 3);
  for (size_t i = 0; i < split->judge.size(); ++i)
    EXPECT_EQ(split->judge[i], static_cast<float>(4 * (i / 3) + 3));
  rows.resize(63 * 3);
  EXPECT_FALSE(BlockRows::measured(rows, 3)); // too few
  rows.assign(64 * 3, NAN);
  EXPECT_FALSE(BlockRows::measured(rows, 3));
}

/// Four clusters of two neurons over inputs x and -x of each of four dimensions: cluster c gives |x[c]| in one output.
struct Absolutes {
  std::vector<float> first = std::vector<float>(8 * 4), last = std::vector<float>(4 * 8);
  NeuronClusters clusters;

  explicit Absolutes(bool isTree) {
    clusters.experts = 4;
    clusters.isTree = isTree;
    clusters.order = {0, 1, 2, 3, 4, 5, 6, 7};
    for (size_t i = 0; i < 8; ++i) {
      first[i * 4 + i / 2] = i % 2 ? -1 : 1;
      last[i / 2 * 8 + i] = 1;
    }
    clusters.router.assign(static_cast<size_t>(clusters.routerRows()) * 4, 0);
  }
  DenseBlock block() const { return {{first.data(), 8, 4}, nullptr, nullptr, {last.data(), 4, 8}, Activation::Relu}; }
};

// Inputs are positive, and that of cluster r / 4 % 4 is far greater than the others: what a cluster gives is linear in
// them. (Not r % 4: every fourth row is not fitted to.)
std::vector<float> positiveRows(int64_t rows) {
  std::vector<float> x = normal(static_cast<size_t>(rows * 4), 5);
  for (float &number : x)
    number = std::fabs(number);
  for (int64_t r = 0; r < rows; ++r)
    x[static_cast<size_t>(r * 4 + r / 4 % 4)] += 9;
  return x;
}

TEST(FitRouter, FindsTheClusterThatGivesMost) {
  for (bool isTree : {false, true}) {
    Absolutes model(isTree);
    BlockProducts products(model.block());
    std::optional<BlockRows> rows = BlockRows::measured(positiveRows(400), 4);
    ASSERT_TRUE(rows && fitRouter(products, *rows, model.clusters));
    EXPECT_EQ(model.clusters.routerBias.size(), static_cast<size_t>(model.clusters.routerRows()));
    Router router(model.clusters, 4);
    std::vector<float> asked = positiveRows(40);
    std::vector<std::vector<int64_t>> chosen = router.choose(asked.data(), 40, 1);
    for (int64_t r = 0; r < 40; ++r)
      EXPECT_EQ(chosen[static_cast<size_t>(r)], std::vector<int64_t>({r / 4 % 4})) << isTree << " " << r;
  }
}

/// Two clusters of two neurons; the first is always chosen, and the second has the same rows twice as long.
struct Copies {
  std::vector<float> first = {1, 0, 0.5F, 1, 2, 0, 1, 2}, last = normal(3 * 4, 2);
  NeuronClusters clusters;

  Copies() {
    clusters.experts = 2;
    clusters.order = {0, 1, 2, 3};
    clusters.router.assign(4, 0);
    clusters.routerBias = {1, 0};
  }
  DenseBlock block() const { return {{first.data(), 4, 2}, nullptr, nullptr, {last.data(), 3, 4}, Activation::Relu}; }
};

TEST(FitRepair, CopiesStandForEachOther) {
  Copies model;
  BlockProducts products(model.block());
  std::optional<BlockRows> rows = BlockRows::measured(normal(800, 3), 2);
  std::optional<Repair> repair = fitRepair(products, *rows, model.clusters, 1);
  ASSERT_TRUE(repair);
  // A penalty of a hundredth of the mean square, with up to a tenth of that as the least eigenvalue of two neurons that
  // are alike, leaves at most a tenth.
  EXPECT_LT(repair->error, 0.1);
  EXPECT_GT(findLeftOut(products, *rows, model.clusters, 1).error, 0.4);
  for (size_t m = 0; m < 3; ++m)
    for (size_t i = 0; i < 2; ++i)
      EXPECT_NEAR(repair->values[i * 3 + m], 2 * model.last[m * 4 + 2 + i], 0.2) << m << " " << i;
  // Nothing is known of the neurons that were never used.
  for (size_t i = 2 * 3; i < 4 * 3; ++i)
    EXPECT_NEAR(repair->values[i], 0, 1e-6);
}

/// Random weights; the router looks at the sign of an input.
struct Signs {
  static constexpr int64_t kWidth = 5, kNeurons = 8, kOutputs = 3;
  std::vector<float> first = normal(kNeurons * kWidth, 11), last = normal(kOutputs * kNeurons, 12);
  NeuronClusters clusters;

  Signs() {
    clusters.experts = 2;
    clusters.order = {0, 2, 4, 6, 1, 3, 5, 7};
    clusters.router.assign(2 * kWidth, 0);
    clusters.router[0] = 1, clusters.router[kWidth] = -1;
  }
  DenseBlock block() const {
    return {{first.data(), kNeurons, kWidth}, nullptr, nullptr, {last.data(), kOutputs, kNeurons}, Activation::Silu};
  }
};

TEST(FitRepair, IsOnePerClusterWhereRowsUseOne) {
  Signs model;
  BlockProducts products(model.block());
  std::vector<float> all = normal(400 * Signs::kWidth, 13), right;
  for (size_t r = 0; r < 400;
       ++r) { // those that use the second cluster, with the first cluster's rows left as they are
    std::vector<float> row(all.begin() + ptrdiff_t(r * Signs::kWidth),
                           all.begin() + ptrdiff_t((r + 1) * Signs::kWidth));
    if (row[0] < 0)
      right.insert(right.end(), row.begin(), row.end());
  }
  std::optional<Repair> both = fitRepair(products, *BlockRows::measured(all, Signs::kWidth), model.clusters, 1);
  std::optional<Repair> again = fitRepair(products, *BlockRows::measured(all, Signs::kWidth), model.clusters, 1);
  std::optional<Repair> second = fitRepair(products, *BlockRows::measured(right, Signs::kWidth), model.clusters, 1);
  ASSERT_TRUE(both && again && second);
  EXPECT_EQ(both->values, again->values);
  // Better than the mean alone, on rows that were not fitted to.
  double mean = findLeftOut(products, *BlockRows::measured(all, Signs::kWidth), model.clusters, 1).error;
  EXPECT_LT(both->error, 0.9 * mean);
  // Without any row that uses it, the first cluster stays as it was, and the second is repaired all the same.
  for (size_t i = 0; i < second->values.size() / 2; ++i)
    EXPECT_NEAR(second->values[i], 0, 1e-6);
  for (size_t m = 0; m < Signs::kOutputs; ++m) {
    EXPECT_NEAR(second->shifts[m], 0, 1e-6);
    EXPECT_GT(std::fabs(second->shifts[Signs::kOutputs + m]), 1e-4);
  }
}

} // namespace
