// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Regression of what clusters give; see FitRouter.h.
#include "passes/split-ffn/FitRouter.h"

#include "passes/split-ffn/Ridge.h"

#include <cmath>
#include <numeric>

namespace lmopt::lm {

/// Of the mean square of an input: rows are few for as many inputs, and neighbours in a text are alike.
static constexpr double kDamping = 0.03;
/// Of the number that is always 1: nothing but what keeps the equations regular.
static constexpr double kConstantDamping = 1e-6;

/// Rows by which neurons are compared.
static constexpr int64_t kProfileRows = 1024;

namespace {

class RouterFit {
public:
  RouterFit(const BlockProducts &products, const BlockRows &rows, NeuronClusters &clusters)
      : products(products), rows(rows), clusters(clusters), means(products.block().neurons()),
        norms(products.block().squaredNorms()), ridge(rows.width + 1, clusters.routerRows()) {}

  bool run() {
    findMeans();
    forRuns(rows.fit, rows.width, [&](const float *x, int64_t count) { add(x, count); });
    std::vector<double> penalties(static_cast<size_t>(rows.width), kDamping * ridge.meanSquares(0, rows.width));
    penalties.push_back(kConstantDamping * ridge.meanSquares(rows.width, rows.width + 1));
    std::optional<std::vector<float>> solved = ridge.solve(penalties);
    if (solved)
      take(*solved);
    return solved.has_value();
  }

private:
  const BlockProducts &products;
  const BlockRows &rows;
  NeuronClusters &clusters;
  std::vector<double> means; ///< of a_i
  std::vector<double> norms; ///< |w_i|²
  Ridge ridge;

  void findMeans() {
    forRuns(rows.fit, rows.width, [&](const float *x, int64_t count) {
      Activations given = products.activations(x, count);
      for (size_t at = 0; at < given.numbers.size(); ++at)
        means[at % means.size()] += given.numbers[at];
    });
    for (double &mean : means)
      mean /= double(rows.fit.size()) / double(rows.width);
  }

  void add(const float *x, int64_t count) {
    Activations given = products.activations(x, count);
    std::vector<float> features, targets;
    for (int64_t r = 0; r < count; ++r) {
      features.insert(features.end(), x + r * rows.width, x + (r + 1) * rows.width);
      features.push_back(1);
      std::vector<double> squares = squaresOf(given.numbers.data() + r * products.block().neurons());
      addTargets(squares, targets);
    }
    ridge.add(features, targets);
  }

  /// Of each cluster for one row.
  std::vector<double> squaresOf(const float *a) const {
    std::vector<double> squares;
    for (int64_t e = 0; e < clusters.experts; ++e) {
      squares.push_back(0);
      for (int64_t i : clusters.members(e)) {
        auto n = static_cast<size_t>(i);
        squares.back() += (a[i] - means[n]) * (a[i] - means[n]) * norms[n];
      }
    }
    return squares;
  }

  void addTargets(const std::vector<double> &squares, std::vector<float> &targets) const {
    if (!clusters.isTree) {
      for (double square : squares)
        targets.push_back(static_cast<float>(std::sqrt(square)));
      return;
    }
    // Nodes level by level, as clusters stand behind them.
    for (size_t nodes = 1; nodes < squares.size(); nodes *= 2)
      for (size_t n = 0, half = squares.size() / nodes / 2; n < nodes; ++n) {
        auto left = squares.begin() + static_cast<ptrdiff_t>(2 * n * half),
             middle = left + static_cast<ptrdiff_t>(half);
        double less = std::accumulate(left, middle, 0.0);
        double more = std::accumulate(middle, middle + static_cast<ptrdiff_t>(half), 0.0);
        targets.push_back(static_cast<float>(std::sqrt(more) - std::sqrt(less)));
      }
  }

  void take(const std::vector<float> &solved) {
    clusters.router.clear(), clusters.routerBias.clear();
    for (auto row = solved.begin(); row != solved.end(); row += rows.width + 1) {
      clusters.router.insert(clusters.router.end(), row, row + rows.width);
      clusters.routerBias.push_back(row[rows.width]);
    }
  }
};

} // namespace

std::vector<float> firingProfiles(const BlockProducts &products, const BlockRows &rows) {
  std::vector<double> norms = products.block().squaredNorms();
  int64_t count = static_cast<int64_t>(rows.fit.size()) / rows.width;
  int64_t stride = std::max<int64_t>(1, count / kProfileRows);
  std::vector<float> used, profiles;
  for (int64_t row = 0; row < count; row += stride)
    used.insert(used.end(), rows.fit.begin() + row * rows.width, rows.fit.begin() + (row + 1) * rows.width);
  size_t number = used.size() / static_cast<size_t>(rows.width), r = 0;
  profiles.resize(norms.size() * number);
  forRuns(used, rows.width, [&](const float *x, int64_t some) {
    Activations given = products.activations(x, some);
    for (auto a = given.numbers.begin(); a != given.numbers.end(); a += static_cast<ptrdiff_t>(norms.size()), ++r)
      for (size_t i = 0; i < norms.size(); ++i)
        profiles[i * number + r] = static_cast<float>(std::fabs(a[static_cast<ptrdiff_t>(i)]) * std::sqrt(norms[i]));
  });
  return profiles;
}

bool fitRouter(const BlockProducts &products, const BlockRows &rows, NeuronClusters &clusters) {
  return RouterFit(products, rows, clusters).run();
}

} // namespace lmopt::lm
