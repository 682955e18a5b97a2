// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Optimal codebooks; see Codebook.h.
#include "dialects/lm/weights/Codebook.h"

#include "dialects/lm/weights/WeightKernels.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lmopt::lm {

// As in LeastSquares.cpp: the same sums in the same order with and without AVX2, each product rounded.
#define LMOPT_FOR_ALL_CPUS __attribute__((target_clones("default", "arch=x86-64-v3")))
#pragma clang fp contract(off)

void Histogram::add(double value, double weight) {
  double cell = std::floor((value + reach) / (2 * reach) * kCells);
  cells[static_cast<size_t>(std::clamp(cell, 0.0, double(kCells - 1)))].add(value, weight);
}

namespace {

/// Sums over the cells before each, so that those of an interval are a difference.
class Intervals {
public:
  explicit Intervals(const std::vector<Cell> &cells) : before(cells.size() + 1) {
    for (size_t i = 0; i < cells.size(); ++i)
      before[i + 1] = {before[i].weight + cells[i].weight, before[i].sum + cells[i].sum,
                       before[i].squares + cells[i].squares};
  }
  double mean(size_t from, size_t to) const {
    return (before[to].sum - before[from].sum) / (before[to].weight - before[from].weight);
  }
  /// sum h (v - mean)²; cells have weight, so that the divisor has.
  double cost(size_t from, size_t to) const {
    double sum = before[to].sum - before[from].sum, weight = before[to].weight - before[from].weight;
    return std::max(0.0, before[to].squares - before[from].squares - sum * sum / weight);
  }
  size_t size() const { return before.size() - 1; }

private:
  std::vector<Cell> before;
};

/// One row of D after another.
class BestClusters {
public:
  BestClusters(const Intervals &intervals, size_t clusters) : intervals(intervals), clusters(clusters) {
    size_t count = intervals.size();
    costs.resize(count + 1);
    next.resize(count + 1);
    starts.assign(clusters, std::vector<uint32_t>(count + 1));
    for (size_t i = 1; i <= count; ++i)
      costs[i] = intervals.cost(0, i);
    for (size_t j = 1; j < clusters; ++j) {
      fill(j, j + 1, count, j, count - 1);
      costs.swap(next);
    }
  }

  /// The means of the clusters of all cells.
  std::vector<double> means() const {
    std::vector<double> result(clusters);
    size_t end = intervals.size();
    for (size_t j = clusters; j-- > 0;) {
      size_t start = j == 0 ? 0 : starts[j][end];
      result[j] = intervals.mean(start, end);
      end = start;
    }
    return result;
  }

private:
  const Intervals &intervals;
  size_t clusters;
  std::vector<double> costs, next;
  std::vector<std::vector<uint32_t>> starts; ///< by row and i: where the last cluster begins

  /// Row j for i from `first` to `last`, whose last clusters begin from `low` to `high`.
  void fill(size_t j, size_t first, size_t last, size_t low, size_t high) {
    if (first > last)
      return;
    size_t i = first + (last - first) / 2, best = low;
    double least = std::numeric_limits<double>::infinity();
    for (size_t start = low; start <= std::min(high, i - 1); ++start)
      if (double cost = costs[start] + intervals.cost(start, i); cost < least) {
        least = cost;
        best = start;
      }
    next[i] = least;
    starts[j][i] = static_cast<uint32_t>(best);
    fill(j, first, i - 1, low, best);
    fill(j, i + 1, last, best, high);
  }
};

} // namespace

std::vector<double> optimalCodebook(const std::vector<Cell> &cells, int64_t entries) {
  std::vector<Cell> used;
  std::copy_if(cells.begin(), cells.end(), std::back_inserter(used), [](const Cell &cell) { return cell.weight > 0; });
  if (used.empty())
    return std::vector<double>(static_cast<size_t>(entries));
  size_t clusters = std::min(static_cast<size_t>(entries), used.size());
  std::vector<double> result = BestClusters(Intervals(used), clusters).means();
  result.resize(static_cast<size_t>(entries), result.back());
  return result;
}

double codebookCost(const std::vector<Cell> &cells, const std::vector<double> &entries) {
  double cost = 0;
  for (const Cell &cell : cells) {
    if (cell.weight <= 0)
      continue;
    double least = std::numeric_limits<double>::infinity();
    for (double entry : entries)
      least = std::min(least, cell.squares - 2 * entry * cell.sum + entry * entry * cell.weight);
    cost += least;
  }
  return cost;
}

NearestEntry::NearestEntry(const std::vector<float> &entries) {
  for (size_t i = 0; i + 1 < entries.size(); ++i)
    bounds.push_back(static_cast<float>((double(entries[i]) + double(entries[i + 1])) / 2));
}

uint8_t NearestEntry::operator()(float x) const {
  if (bounds.size() > 16)
    return static_cast<uint8_t>(std::lower_bound(bounds.begin(), bounds.end(), x) - bounds.begin());
  int below = 0;
  for (float bound : bounds)
    below += bound < x;
  return static_cast<uint8_t>(below);
}

float findExtreme(const float *numbers, int64_t count) {
  float extreme = 0;
  for (int64_t k = 0; k < count; ++k)
    extreme = std::fabs(numbers[k]) > std::fabs(extreme) ? numbers[k] : extreme;
  return extreme;
}

static constexpr int64_t kSums = 8;

/// missed[k] = the least (x[k] - scale c)².
LMOPT_FOR_ALL_CPUS static void missNearest(const float *numbers, int64_t count, const std::vector<float> &table,
                                           float scale, float *missed) {
  for (int64_t k = 0; k < count; ++k)
    missed[k] = std::numeric_limits<float>::infinity();
  for (float entry : table) {
    float value = scale * entry;
    for (int64_t k = 0; k < count; ++k) {
      float difference = numbers[k] - value, square = difference * difference;
      missed[k] = square < missed[k] ? square : missed[k];
    }
  }
}

/// In eight sums, which are added in turn.
LMOPT_FOR_ALL_CPUS static float weightedSum(const float *missed, const float *weights, int64_t count) {
  float sums[kSums] = {};
  int64_t k = 0;
  for (; k + kSums <= count; k += kSums)
    for (int64_t i = 0; i < kSums; ++i)
      sums[i] += weights[k + i] * missed[k + i];
  for (; k < count; ++k)
    sums[0] += weights[k] * missed[k];
  float sum = 0;
  for (float part : sums)
    sum += part;
  return sum;
}

GroupScales::GroupScales(const std::vector<float> &table, int64_t group)
    : table(table), group(group), missed(static_cast<size_t>(group)) {}

float GroupScales::cost(const float *numbers, const float *weights, float scale) {
  missNearest(numbers, group, table, scale, missed.data());
  return weightedSum(missed.data(), weights, group);
}

float GroupScales::best(const float *numbers, const float *weights) {
  const float whole = findExtreme(numbers, group) / 127.0f;
  if (whole == 0)
    return 0;
  float best = std::numeric_limits<float>::infinity(), least = best;
  if (!std::isfinite(roundToHalf(whole)))
    return best;
  for (int percent = 60; percent <= 128; percent += 4)
    for (float sign : {1.0f, -1.0f}) {
      float scale = roundToHalf(sign * (whole * static_cast<float>(percent) / 100.0f));
      if (!std::isfinite(scale))
        continue;
      if (float found = cost(numbers, weights, scale); found < least) {
        least = found;
        best = scale;
      }
    }
  return best;
}

} // namespace lmopt::lm
