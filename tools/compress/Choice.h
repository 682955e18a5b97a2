// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One option for each unit, so that all together cost least and lose no more than a budget: the multiple-choice
// knapsack problem.
//
// In: for each unit its options, each with a cost and a loss (losses add up). Out: the best choice. Losses are rounded
// up to a grid of the budget, so what is chosen never loses more than allowed, and the result is the optimum of the
// rounded problem (dynamic programming). How far the true optimum can be below is bounded by a Lagrangian relaxation,
// which knows nothing of the grid. Source: Dyer, "An O(n) algorithm for the multiple-choice knapsack linear program",
// 1984, for the relaxation; the recurrence is the textbook's. Tested by test/unit/tools/ChoiceTest.cpp against brute
// force.
#ifndef LMOPT_TOOLS_COMPRESS_CHOICE_H
#define LMOPT_TOOLS_COMPRESS_CHOICE_H

#include <cstddef>
#include <optional>
#include <vector>

namespace lmopt {

struct WeightedOption {
  double cost = 0; ///< >= 0
  double loss = 0; ///< >= 0
};

struct Choice {
  std::vector<size_t> options; ///< which one, by unit
  double cost = 0, loss = 0;   ///< sums
  double leastCost = 0;        ///< no choice within the budget costs less
};

/// Nothing when even the options that lose least lose more than `budget` together. `grid`: parts of the budget that
/// losses are rounded up to.
std::optional<Choice> choose(const std::vector<std::vector<WeightedOption>> &units, double budget, size_t grid = 4000);

} // namespace lmopt

#endif // LMOPT_TOOLS_COMPRESS_CHOICE_H
