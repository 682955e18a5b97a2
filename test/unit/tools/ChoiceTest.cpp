// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The choice against brute force, its bound, and budgets that nothing fits into.
#include "tools/compress/Choice.h"

#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace lmopt;

namespace {

using Units = std::vector<std::vector<WeightedOption>>;

/// The least cost of all choices within the budget; infinite when there is none.
double leastOfAll(const Units &units, double budget, size_t unit = 0) {
  if (unit == units.size())
    return budget >= 0 ? 0 : INFINITY;
  double least = INFINITY;
  for (const WeightedOption &option : units[unit])
    least = std::min(least, option.cost + leastOfAll(units, budget - option.loss, unit + 1));
  return least;
}

/// Losses are whole numbers, so that a grid of the budget's size holds them without rounding.
Units randomUnits(std::mt19937 &generator, size_t count) {
  Units units(count);
  for (auto &options : units)
    for (size_t o = 0; o < 1 + generator() % 5; ++o)
      options.push_back({static_cast<double>(generator() % 1000) / 7, static_cast<double>(generator() % 12)});
  return units;
}

TEST(ChoiceTest, FindsWhatBruteForceFinds) {
  std::mt19937 generator(7); // NOLINT(bugprone-random-generator-seed)
  int chosen = 0, refused = 0;
  for (int i = 0; i < 300; ++i) {
    Units units = randomUnits(generator, 1 + generator() % 6);
    double budget = 1 + static_cast<double>(generator() % 40);
    std::optional<Choice> choice = choose(units, budget, static_cast<size_t>(budget));
    double least = leastOfAll(units, budget);
    ASSERT_EQ(choice.has_value(), std::isfinite(least)) << i;
    (choice ? chosen : refused) += 1;
    if (!choice)
      continue;
    EXPECT_NEAR(choice->cost, least, 1e-9) << i;
    EXPECT_LE(choice->loss, budget);
    EXPECT_LE(choice->leastCost, least + 1e-9) << i;
  }
  EXPECT_GT(chosen, 100);
  EXPECT_GT(refused, 10);
}

TEST(ChoiceTest, ACoarseGridStaysWithinTheBudget) {
  std::mt19937 generator(8); // NOLINT(bugprone-random-generator-seed)
  for (int i = 0; i < 10; ++i) {
    Units units(20);
    for (auto &options : units) {
      options.push_back({100, 0});
      for (int o = 0; o < 4; ++o)
        options.push_back(
            {static_cast<double>(generator() % 100), std::ldexp(static_cast<double>(generator() % 997), -14)});
    }
    std::optional<Choice> choice = choose(units, 0.25, 500);
    ASSERT_TRUE(choice);
    EXPECT_LE(choice->loss, 0.25);
    EXPECT_LE(choice->leastCost, choice->cost);
    // 20 losses are rounded up by at most a step each: a budget without those steps allows nothing better, on any grid.
    std::optional<Choice> fine = choose(units, 0.25 - 20 * 0.25 / 500, 10000);
    ASSERT_TRUE(fine);
    EXPECT_LE(choice->cost, fine->cost + 1e-9);
  }
}

TEST(ChoiceTest, TheBoundIsTightWhereOptionsAreMany) {
  // cost 1 / (1 + loss) is convex: the relaxation is the optimum but for one unit.
  Units units(50);
  for (auto &options : units)
    for (int o = 0; o < 50; ++o)
      options.push_back({1 / (1 + 0.1 * o), 0.1 * o});
  std::optional<Choice> choice = choose(units, 60, 6000);
  ASSERT_TRUE(choice);
  EXPECT_GT(choice->leastCost, choice->cost * 0.99);
}

TEST(ChoiceTest, TheSmallestProblems) {
  std::optional<Choice> none = choose({}, 1);
  ASSERT_TRUE(none);
  EXPECT_EQ(none->cost, 0);
  EXPECT_FALSE(choose({{{1, 2}}}, 1));
  EXPECT_TRUE(choose({{{1, 1}}}, 1)); // just fits
  EXPECT_FALSE(choose({{{1, INFINITY}}}, 1));
}

} // namespace
