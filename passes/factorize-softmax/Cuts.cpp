// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dynamic programming over cuts; see Cuts.h. O(J m²) for m candidates.
#include "passes/factorize-softmax/Cuts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace lmopt::lm {

static constexpr int64_t kCandidates = 2048;
static constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Ascending, from 1; V itself is the last.
static std::vector<int64_t> candidates(int64_t words) {
  std::vector<int64_t> places(static_cast<size_t>(std::min(words, kCandidates)));
  std::iota(places.begin(), places.end(), 1);
  if (words > kCandidates)
    for (size_t i = 0; i < places.size(); ++i)
      places[i] = std::llround(std::pow(double(words), double(i) / double(kCandidates - 1)));
  places.back() = words;
  places.erase(std::unique(places.begin(), places.end()), places.end());
  return places;
}

namespace {

class CutTable {
public:
  CutTable(const std::vector<double> &mass, int64_t clusters, ProductCost cost)
      : places(candidates(static_cast<int64_t>(mass.size()))), clusters(clusters), cost(cost) {
    std::vector<double> before(mass.size() + 1);
    std::partial_sum(mass.begin(), mass.end(), before.begin() + 1);
    for (int64_t place : places)
      upTo.push_back(before[static_cast<size_t>(place)] / before.back());
    least.assign(static_cast<size_t>(clusters + 1), std::vector<double>(places.size(), kInfinity));
    next.assign(static_cast<size_t>(clusters + 1), std::vector<size_t>(places.size()));
    least[0].back() = 0;
    for (int64_t j = 1; j <= clusters; ++j)
      for (size_t v = 0; v + 1 < places.size(); ++v)
        fill(static_cast<size_t>(j), v);
  }

  Cuts best() const {
    Cuts found{{}, kInfinity};
    size_t at = 0;
    for (size_t v = 0; v < places.size(); ++v) {
      double total = cost(double(places[v] + clusters)) + least.back()[v];
      if (total < found.cost) {
        found.cost = total;
        at = v;
      }
    }
    for (auto j = static_cast<size_t>(clusters); j > 0 && found.cost < kInfinity; at = next[j--][at])
      found.begins.push_back(places[at]);
    return found;
  }

private:
  std::vector<int64_t> places;
  int64_t clusters;
  ProductCost cost;
  std::vector<double> upTo;               ///< probability before each place
  std::vector<std::vector<double>> least; ///< [clusters that are left][begin]
  std::vector<std::vector<size_t>> next;  ///< where the next cluster begins

  void fill(size_t j, size_t v) {
    for (size_t u = v + 1; u < places.size(); ++u) {
      double total = (upTo[u] - upTo[v]) * cost(double(places[u] - places[v])) + least[j - 1][u];
      if (total < least[j][v]) {
        least[j][v] = total;
        next[j][v] = u;
      }
    }
  }
};

} // namespace

Cuts bestCuts(const std::vector<double> &mass, int64_t clusters, ProductCost cost) {
  return CutTable(mass, clusters, cost).best();
}

Cuts bestCutsOfAny(const std::vector<double> &mass, int64_t most, ProductCost cost) {
  Cuts best = bestCuts(mass, 1, cost);
  for (int64_t clusters = 2; clusters <= most; ++clusters)
    if (Cuts found = bestCuts(mass, clusters, cost); found.cost < best.cost)
      best = std::move(found);
  return best;
}

double costOfCuts(const std::vector<double> &mass, const std::vector<int64_t> &begins, ProductCost cost) {
  double all = std::accumulate(mass.begin(), mass.end(), 0.0);
  double total = cost(double(begins.front()) + double(begins.size()));
  for (size_t i = 0; i < begins.size(); ++i) {
    auto end = i + 1 < begins.size() ? begins[i + 1] : static_cast<int64_t>(mass.size());
    double share = std::accumulate(mass.begin() + begins[i], mass.begin() + end, 0.0) / all;
    total += share * cost(double(end - begins[i]));
  }
  return total;
}

} // namespace lmopt::lm
