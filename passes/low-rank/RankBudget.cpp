// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See RankBudget.h.
#include "passes/low-rank/RankBudget.h"

#include <algorithm>
#include <numeric>

namespace lmopt::lm {

bool rankPays(int64_t rows, int64_t width, int64_t rank) { return rank * (rows + width) < rows * width; }

namespace {

struct Point {
  int64_t rank; ///< 0: whole
  int64_t cost;
  double error;
};

/// Of one matrix, to go from one point of its hull to the next.
struct Step {
  size_t matrix;
  Point to;
  int64_t cost;
  double gain; ///< error that goes for each product
};

} // namespace

static double slope(const Point &a, const Point &b) {
  return (a.error - b.error) / static_cast<double>(b.cost - a.cost);
}

/// The lower convex hull of all that the matrix can be, by ascending cost.
static std::vector<Point> hullOf(const Spectrum &spectrum, int64_t multiple) {
  double all = std::accumulate(spectrum.powers.begin(), spectrum.powers.end(), 0.0), kept = 0;
  std::vector<Point> hull;
  auto add = [&](Point next) {
    while (hull.size() > 1 && slope(hull[hull.size() - 2], hull.back()) <= slope(hull.back(), next))
      hull.pop_back();
    hull.push_back(next);
  };
  for (int64_t rank = multiple; rankPays(spectrum.rows, spectrum.width, rank); rank += multiple) {
    for (int64_t i = rank - multiple; i < rank; ++i)
      kept += spectrum.powers[static_cast<size_t>(i)];
    add({rank, rank * (spectrum.rows + spectrum.width), all > 0 ? std::max(0.0, 1 - kept / all) : 0});
  }
  add({0, spectrum.rows * spectrum.width, 0});
  return hull;
}

std::vector<int64_t> allocateRanks(const std::vector<Spectrum> &spectra, double ratio, int64_t multiple) {
  double left = 0;
  std::vector<int64_t> ranks;
  std::vector<Step> steps;
  for (size_t i = 0; i < spectra.size(); ++i) {
    std::vector<Point> hull = hullOf(spectra[i], multiple);
    left += (1 - ratio) * static_cast<double>(spectra[i].rows * spectra[i].width) - static_cast<double>(hull[0].cost);
    ranks.push_back(hull[0].rank);
    for (size_t k = 1; k < hull.size(); ++k)
      steps.push_back({i, hull[k], hull[k].cost - hull[k - 1].cost, slope(hull[k - 1], hull[k])});
  }
  if (left < 0)
    return {};
  std::sort(steps.begin(), steps.end(),
            [](const Step &a, const Step &b) { return a.gain != b.gain ? a.gain > b.gain : a.matrix < b.matrix; });
  for (const Step &step : steps) { // those of one matrix come in its order: a hull is convex
    if (static_cast<double>(step.cost) > left)
      break;
    left -= static_cast<double>(step.cost);
    ranks[step.matrix] = step.to.rank;
  }
  return ranks;
}

} // namespace lmopt::lm
