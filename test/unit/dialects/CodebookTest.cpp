// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codebooks: the optimum against all ways of dealing numbers out and against a plain table of costs, the vector of
// techniques 16, what cells cost; and what must hold of any rounding to one: numbers that fit are kept, with statistics
// less of the products is lost.
#include "dialects/lm/weights/CodebookRounding.h"

#include "dialects/lm/weights/WeightKernels.h"
#include "test/unit/dialects/RoundingProblem.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

using namespace lmopt;
using namespace lmopt::lm;

namespace {

/// Each number a cell of its own.
std::vector<Cell> cellsOf(const std::vector<double> &values, const std::vector<double> &weights = {}) {
  std::vector<Cell> cells(values.size());
  for (size_t i = 0; i < values.size(); ++i)
    cells[i].add(values[i], weights.empty() ? 1 : weights[i]);
  return cells;
}

std::vector<double> sortedNumbers(std::mt19937 &generator, size_t count) {
  std::vector<double> values(count);
  std::normal_distribution<double> normal;
  for (double &value : values)
    value = normal(generator);
  std::sort(values.begin(), values.end());
  return values;
}

std::vector<double> positiveNumbers(std::mt19937 &generator, size_t count) {
  std::vector<double> numbers(count);
  std::uniform_real_distribution<double> uniform(0.1, 4);
  for (double &number : numbers)
    number = uniform(generator);
  return numbers;
}

/// What it costs to give cell i to cluster `owner[i]`.
double costOf(const std::vector<Cell> &cells, const std::vector<int> &owner, int clusters) {
  std::vector<Cell> sums(static_cast<size_t>(clusters));
  for (size_t i = 0; i < cells.size(); ++i) {
    Cell &sum = sums[static_cast<size_t>(owner[i])];
    sum.weight += cells[i].weight, sum.sum += cells[i].sum, sum.squares += cells[i].squares;
  }
  double cost = 0;
  for (const Cell &sum : sums)
    cost += sum.weight > 0 ? sum.squares - sum.sum * sum.sum / sum.weight : 0;
  return cost;
}

/// The least over all clusters^n ways, neighbours together or not.
double leastOfAll(const std::vector<Cell> &cells, int clusters) {
  std::vector<int> owner(cells.size());
  double least = std::numeric_limits<double>::infinity();
  while (true) {
    least = std::min(least, costOf(cells, owner, clusters));
    size_t i = 0;
    while (i < owner.size() && ++owner[i] == clusters)
      owner[i++] = 0;
    if (i == owner.size())
      return least;
  }
}

/// D[j, i] by its definition, in clusters * n² steps.
double leastByTable(const std::vector<Cell> &cells, int64_t clusters) {
  const size_t n = cells.size();
  auto cost = [&](size_t from, size_t to) {
    double weight = 0, sum = 0, squares = 0;
    for (size_t i = from; i < to; ++i)
      weight += cells[i].weight, sum += cells[i].sum, squares += cells[i].squares;
    return squares - sum * sum / weight;
  };
  std::vector<double> before(n + 1, std::numeric_limits<double>::infinity());
  before[0] = 0;
  for (int64_t j = 0; j < clusters; ++j) {
    std::vector<double> next(n + 1, std::numeric_limits<double>::infinity());
    for (size_t i = 1; i <= n; ++i)
      for (size_t m = 0; m < i; ++m)
        if (std::isfinite(before[m]))
          next[i] = std::min(next[i], before[m] + cost(m, i));
    before = next;
  }
  return before[n];
}

// Sums of at most 10 numbers of magnitude 3 at most: 1e-12 is a thousand roundings of 1e-15.
TEST(Codebook, IsTheBestOfAllWays) {
  std::mt19937 generator(1);
  for (int round = 0; round < 40; ++round)
    for (int clusters = 1; clusters <= 3; ++clusters) {
      size_t count = 3 + round % 5;
      std::vector<Cell> cells = cellsOf(sortedNumbers(generator, count), positiveNumbers(generator, count));
      std::vector<double> entries = optimalCodebook(cells, clusters);
      EXPECT_TRUE(std::is_sorted(entries.begin(), entries.end()));
      EXPECT_NEAR(codebookCost(cells, entries), leastOfAll(cells, clusters), 1e-12) << count << " in " << clusters;
    }
}

TEST(Codebook, IsThatOfTheTableOfCosts) {
  std::mt19937 generator(2);
  for (int64_t clusters : {1, 2, 5, 16, 60}) {
    std::vector<Cell> cells = cellsOf(sortedNumbers(generator, 90), positiveNumbers(generator, 90));
    EXPECT_NEAR(codebookCost(cells, optimalCodebook(cells, clusters)), leastByTable(cells, clusters), 1e-10);
  }
}

TEST(Codebook, TestVector) {
  std::vector<Cell> cells = cellsOf({-1.2, -1, -0.1, 0, 0.05, 0.9, 1, 1.1});
  std::vector<double> entries = optimalCodebook(cells, 3);
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_NEAR(entries[0], -1.1, 1e-12);
  EXPECT_NEAR(entries[1], -0.05 / 3, 1e-12);
  EXPECT_NEAR(entries[2], 1.0, 1e-12);
  EXPECT_NEAR(codebookCost(cells, entries), 0.0516667, 5e-8); // as many digits as it is given with
}

TEST(Codebook, FewNumbersAreKept) {
  EXPECT_EQ(optimalCodebook(cellsOf({-2, 0.5, 3}), 5), (std::vector<double>{-2, 0.5, 3, 3, 3}));
  EXPECT_EQ(optimalCodebook({}, 3), (std::vector<double>{0, 0, 0}));
  std::vector<Cell> some = cellsOf({1, 2, 3}, {1, 0, 1});
  EXPECT_EQ(optimalCodebook(some, 2), (std::vector<double>{1, 3}));
}

TEST(Codebook, WeightsDrawEntries) {
  std::vector<Cell> cells = cellsOf({0, 1, 2, 10}, {1, 1, 1, 1}), heavy = cellsOf({0, 1, 2, 10}, {100, 100, 1, 1e-3});
  EXPECT_EQ(optimalCodebook(cells, 2), (std::vector<double>{1, 10}));
  std::vector<double> drawn = optimalCodebook(heavy, 2);
  EXPECT_EQ(drawn[0], 0);
  EXPECT_NEAR(drawn[1], 1.0097, 1e-3); // 103.01 / 101.001 of the rest, less than what 0 and 1 together cost
}

// A number whose cell goes to the other side of a boundary costs at most twice the width of the cell times the distance
// of the two entries.
TEST(Codebook, CellsCostLittle) {
  std::mt19937 generator(3);
  std::vector<double> values = sortedNumbers(generator, 800);
  double reach = 4, width = 2 * reach / Histogram::kCells, allowed = 0;
  Histogram histogram(reach);
  for (double value : values)
    histogram.add(value, 1);
  std::vector<double> exact = optimalCodebook(cellsOf(values), 16);
  for (size_t i = 0; i + 1 < exact.size(); ++i) {
    double bound = (exact[i] + exact[i + 1]) / 2;
    auto near = std::count_if(values.begin(), values.end(), [&](double v) { return std::abs(v - bound) <= width; });
    allowed += 2 * width * (exact[i + 1] - exact[i]) * double(near);
  }
  double least = codebookCost(cellsOf(values), exact);
  double found = codebookCost(cellsOf(values), optimalCodebook(histogram.getCells(), 16));
  EXPECT_GE(found, least * (1 - 1e-12));
  EXPECT_LE(found, least + allowed);
}

TEST(NearestEntry, IsTheNearest) {
  std::mt19937 generator(4);
  std::uniform_real_distribution<float> uniform(-3, 3);
  for (size_t count : {1, 2, 4, 16, 17, 256}) {
    std::vector<float> entries(count);
    for (float &entry : entries)
      entry = uniform(generator);
    std::sort(entries.begin(), entries.end());
    NearestEntry nearest(entries);
    for (int i = 0; i < 500; ++i) {
      float x = 1.2f * uniform(generator);
      double least = 1e9;
      for (float entry : entries)
        least = std::min(least, std::abs(double(x) - double(entry)));
      EXPECT_NEAR(std::abs(double(x) - double(entries[nearest(x)])), least, 1e-6); // bounds are rounded to f32
    }
  }
  EXPECT_EQ(NearestEntry({-1.0f, 1.0f})(0.0f), 0); // the lower one of two
  EXPECT_EQ(NearestEntry({2.0f, 2.0f, 2.0f})(5.0f), 2);
}

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

constexpr int64_t kRows = 24, kWidth = 96, kTokens = 300, kGroup = 32;

struct Problem : test::RoundingProblem {
  /// Without likeness inputs have nothing to do with one another, not even by chance.
  explicit Problem(unsigned seed, double likeness = 0.9) : RoundingProblem(kRows, kWidth, kTokens, seed, likeness) {
    for (int64_t i = 0; i < kWidth && likeness == 0; ++i)
      for (int64_t j = 0; j < kWidth; ++j)
        moments.row(i)[j] = i == j ? moments.row(i)[j] : 0;
  }

  CodebookSource source(const Feedback *feedback = nullptr) const { return {weights.data(), kRows, kWidth, feedback}; }
};

std::vector<double> numbersOf(const CodebookResult &result) {
  int64_t group = int64_t(result.codes.size() / result.scales.size());
  std::vector<double> numbers;
  for (size_t i = 0; i < result.codes.size(); ++i)
    numbers.push_back(double(result.scales[i / group]) * result.table[static_cast<uint8_t>(result.codes[i])]);
  return numbers;
}

CodebookResult roundTo(const CodebookSource &source, int64_t entries) {
  std::optional<CodebookResult> result =
      entries == 256 ? roundToRowCodebook(source, 256) : roundToGroupCodebook(source, entries, kGroup);
  EXPECT_TRUE(result);
  return result ? *result : CodebookResult();
}

CodebookResult fitTo(const Problem &problem, int64_t entries) {
  std::optional<Feedback> feedback = Feedback::create(problem.moments, 0.01, /*byMoments=*/entries == 256);
  EXPECT_TRUE(feedback);
  return roundTo(problem.source(&*feedback), entries);
}

TEST(CodebookRounding, WhatFitsIsKept) {
  std::mt19937 generator(5);
  Problem problem(1);
  const int numbers[] = {-101, -77, -50, -33, -20, -11, -5, 0, 3, 9, 18, 30, 49, 70, 96, 127};
  for (int64_t i = 0; i < kRows * kWidth; ++i) { // a sign and a power of two for each group, 127 once
    float scale = std::ldexp((i / kGroup) % 3 == 0 ? -1.0f : 1.0f, -int(i / kGroup % 5));
    problem.weights[i] = scale * float(i % kGroup == 7 ? 127 : numbers[generator() % 16]);
  }
  for (bool fitted : {false, true}) {
    std::vector<double> stored = numbersOf(fitted ? fitTo(problem, 16) : roundTo(problem.source(), 16));
    for (int64_t i = 0; i < kRows * kWidth; ++i)
      ASSERT_EQ(stored[i], problem.weights[i]) << fitted << " " << i;
  }
  for (int64_t i = 0; i < kRows * kWidth; ++i)
    problem.weights[i] = std::ldexp(float(i % kWidth == 3 ? 128 : int(generator() % 255) - 127), -int(i / kWidth % 3));
  for (bool fitted : {false, true}) {
    std::vector<double> stored = numbersOf(fitted ? fitTo(problem, 256) : roundTo(problem.source(), 256));
    for (int64_t i = 0; i < kRows * kWidth; ++i)
      ASSERT_EQ(stored[i], problem.weights[i]) << fitted << " " << i;
  }
}

TEST(CodebookRounding, EntriesAreWhatTheFormatHolds) {
  Problem problem(2);
  for (int64_t entries : {4, 8, 16}) {
    CodebookResult result = fitTo(problem, entries);
    ASSERT_EQ(int64_t(result.table.size()), entries);
    EXPECT_TRUE(std::is_sorted(result.table.begin(), result.table.end()));
    for (float entry : result.table)
      EXPECT_TRUE(entry == std::nearbyint(entry) && std::abs(entry) <= 127);
    for (float scale : result.scales)
      EXPECT_EQ(scale, roundToHalf(scale));
    for (int8_t code : result.codes)
      EXPECT_LT(static_cast<uint8_t>(code), entries);
  }
}

TEST(CodebookRounding, StatisticsLoseLess) {
  for (unsigned seed : {3u, 4u, 5u}) {
    Problem problem(seed);
    for (int64_t entries : {4, 8, 16, 256}) {
      double nearest = problem.lost(numbersOf(roundTo(problem.source(), entries)));
      EXPECT_LT(problem.lost(numbersOf(fitTo(problem, entries))), 0.7 * nearest) << entries;
    }
  }
}

TEST(CodebookRounding, MoreEntriesLoseLess) {
  Problem problem(6);
  double before = std::numeric_limits<double>::infinity();
  for (int64_t entries : {4, 8, 16, 256}) {
    double lost = problem.lost(numbersOf(roundTo(problem.source(), entries)));
    EXPECT_LT(lost, before / 2) << entries;
    before = lost;
  }
}

// Inputs that are independent of each other cannot make up for each other: codes are the nearest ones.
TEST(CodebookRounding, IndependentInputsAreRoundedToNearest) {
  Problem problem(7, /*likeness=*/0);
  CodebookResult result = fitTo(problem, 256);
  NearestEntry nearest(result.table);
  for (int64_t i = 0; i < kRows * kWidth; ++i)
    ASSERT_EQ(static_cast<uint8_t>(result.codes[i]), nearest(problem.weights[i] / result.scales[i / kWidth])) << i;
}

// Of 1024 rows the even ones are asked, so that it does not matter what the others hold.
TEST(CodebookRounding, ManyRowsAreSampled) {
  std::mt19937 generator(3);
  std::normal_distribution<float> normal;
  std::vector<float> all, even;
  for (int row = 0; row < 1024; ++row)
    for (int64_t k = 0; k < kGroup; ++k) {
      all.push_back(row % 2 == 0 ? normal(generator) : 5 * normal(generator) * normal(generator));
      if (row % 2 == 0)
        even.push_back(all.back());
    }
  auto large = roundToGroupCodebook({all.data(), 1024, kGroup}, 16, kGroup);
  auto small = roundToGroupCodebook({even.data(), 512, kGroup}, 16, kGroup);
  ASSERT_TRUE(large && small);
  EXPECT_EQ(large->table, small->table);
  EXPECT_EQ(large->scales.size(), 1024U);
  for (size_t row = 0; row < 512; ++row)
    EXPECT_EQ(large->scales[2 * row], small->scales[row]);
}

TEST(CodebookRounding, RowsOfZerosStayZero) {
  Problem problem(8);
  std::fill_n(problem.weights.begin(), 2 * kWidth, 0.0f);
  for (int64_t entries : {16, 256}) {
    std::vector<double> stored = numbersOf(roundTo(problem.source(), entries)),
                        fitted = numbersOf(fitTo(problem, entries));
    for (int64_t i = 0; i < 2 * kWidth; ++i)
      ASSERT_TRUE(stored[i] == 0 && fitted[i] == 0);
  }
  std::fill(problem.weights.begin(), problem.weights.end(), 0.0f);
  for (double number : numbersOf(roundTo(problem.source(), 16)))
    ASSERT_EQ(number, 0);
}

TEST(CodebookRounding, RefusesWhatItCannotHold) {
  for (float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    Problem problem(9);
    problem.weights[100] = bad;
    EXPECT_FALSE(roundToRowCodebook(problem.source(), 256));
    EXPECT_FALSE(roundToGroupCodebook(problem.source(), 16, kGroup));
  }
  Problem large(10);
  large.weights[100] = 1e7f; // 127 * 65504 is what an f16 scale reaches
  EXPECT_TRUE(roundToRowCodebook(large.source(), 256));
  EXPECT_FALSE(roundToGroupCodebook(large.source(), 16, kGroup));
}

} // namespace
