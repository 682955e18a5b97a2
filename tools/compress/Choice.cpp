// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dynamic programming over a grid of losses; see Choice.h. Cost: units x options x grid.
#include "tools/compress/Choice.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace lmopt {

using Units = std::vector<std::vector<WeightedOption>>;
static constexpr double kNever = std::numeric_limits<double>::infinity();

namespace {
/// Least cost of the units so far for each loss on the grid, and which option of the last one it takes.
struct Stage {
  std::vector<double> cost;
  std::vector<uint16_t> option;
};
} // namespace

/// Steps of the grid, rounded up; a hair below a step counts as that step.
static size_t stepsOf(double loss, double step) {
  double steps = std::ceil(loss / step - 1e-9);
  return steps < 1e15 ? static_cast<size_t>(std::max(0.0, steps)) : SIZE_MAX;
}

static Stage addUnit(const std::vector<double> &before, const std::vector<WeightedOption> &options, double step) {
  Stage stage{std::vector<double>(before.size(), kNever), std::vector<uint16_t>(before.size(), 0)};
  for (size_t o = 0; o < options.size(); ++o) {
    size_t steps = stepsOf(options[o].loss, step);
    for (size_t at = steps; at < before.size(); ++at) {
      double cost = before[at - steps] + options[o].cost;
      if (cost < stage.cost[at]) {
        stage.cost[at] = cost;
        stage.option[at] = static_cast<uint16_t>(o);
      }
    }
  }
  return stage;
}

/// min over choices of sum cost + price (sum loss - budget): below every choice within the budget, for any price >= 0.
static double relaxed(const Units &units, double budget, double price) {
  double sum = -price * budget;
  for (const std::vector<WeightedOption> &options : units) {
    double least = kNever;
    for (const WeightedOption &option : options)
      least = std::min(least, option.cost + price * option.loss);
    sum += least;
  }
  return sum;
}

/// The greatest such bound: it is concave in the price, and piecewise linear.
static double bestBound(const Units &units, double budget) {
  double low = 0, high = 1;
  while (relaxed(units, budget, 2 * high) > relaxed(units, budget, high) && high < 1e30)
    high *= 2;
  high *= 2;
  for (int i = 0; i < 200; ++i) {
    double third = (high - low) / 3, a = low + third, b = high - third;
    (relaxed(units, budget, a) < relaxed(units, budget, b) ? low : high) =
        relaxed(units, budget, a) < relaxed(units, budget, b) ? a : b;
  }
  return std::max(relaxed(units, budget, low), relaxed(units, budget, 0));
}

static void addUp(const Units &units, Choice &choice) {
  for (size_t u = 0; u < units.size(); ++u) {
    choice.cost += units[u][choice.options[u]].cost;
    choice.loss += units[u][choice.options[u]].loss;
  }
}

std::optional<Choice> choose(const Units &units, double budget, size_t grid) {
  double step = budget / static_cast<double>(grid);
  std::vector<Stage> stages;
  std::vector<double> cost(grid + 1, 0);
  for (const std::vector<WeightedOption> &options : units) {
    stages.push_back(addUnit(cost, options, step));
    cost = stages.back().cost;
  }
  if (!(cost[grid] < kNever))
    return std::nullopt;
  Choice choice;
  choice.options.resize(units.size());
  size_t at = grid;
  for (size_t u = units.size(); u-- > 0;) {
    choice.options[u] = stages[u].option[at];
    at -= stepsOf(units[u][choice.options[u]].loss, step);
  }
  addUp(units, choice);
  choice.leastCost = std::min(choice.cost, bestBound(units, budget));
  return choice;
}

} // namespace lmopt
