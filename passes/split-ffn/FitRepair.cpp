// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ridge regression of what is left out; see FitRepair.h.
#include "passes/split-ffn/FitRepair.h"

#include "passes/split-ffn/Ridge.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

namespace lmopt::lm {

/// Of the mean square of what a neuron gives. The last moves nothing but shifts.
static constexpr double kDampings[] = {0.03, 0.3, 3, 1e9};
/// Of the mean square of the number that says whether a cluster is chosen.
static constexpr double kShiftDamping = 1e-3;

namespace {

class RepairFit {
public:
  RepairFit(const BlockProducts &products, const BlockRows &rows, const NeuronClusters &clusters, int64_t count)
      : products(products), rows(rows), clusters(clusters), count(count), router(clusters, rows.width),
        neurons(products.block().neurons()), features(neurons + clusters.experts) {}

  std::optional<Repair> run() {
    Ridge ridge(features, products.block().outputs());
    forRuns(rows.fit, rows.width, [&](const float *x, int64_t number) {
      Sample sample = look(x, number);
      ridge.add(sample.features, sample.left);
    });
    std::vector<std::vector<float>> candidates;
    for (double damping : kDampings)
      if (std::optional<std::vector<float>> solved = ridge.solve(penalties(ridge, damping)))
        candidates.push_back(std::move(*solved));
    if (candidates.empty())
      return std::nullopt;
    std::vector<double> errors = judge(candidates);
    auto best = llvm::min_element(errors) - errors.begin();
    if (!std::isfinite(errors[static_cast<size_t>(best)]))
      return std::nullopt;
    return take(candidates[static_cast<size_t>(best)], errors[static_cast<size_t>(best)]);
  }

private:
  const BlockProducts &products;
  const BlockRows &rows;
  const NeuronClusters &clusters;
  int64_t count;
  Router router;
  int64_t neurons, features;

  struct Sample {
    std::vector<float> features; ///< z
    std::vector<float> left;     ///< t
    std::vector<float> all;      ///< results of all neurons
  };

  Sample look(const float *x, int64_t number) const {
    std::vector<float> whole = products.activations(x, number).numbers, left = whole;
    Sample sample;
    sample.features.resize(static_cast<size_t>(number * features));
    for (auto [r, chosen] : llvm::enumerate(router.choose(x, number, count))) {
      float *z = sample.features.data() + r * static_cast<size_t>(features);
      float *a = left.data() + r * static_cast<size_t>(neurons);
      for (int64_t e : chosen) {
        z[neurons + e] = 1;
        for (auto [place, i] : llvm::enumerate(clusters.members(e)))
          std::swap(z[e * clusters.size() + static_cast<int64_t>(place)], a[i]);
      }
    }
    sample.left = products.results(left);
    sample.all = products.results(whole);
    return sample;
  }

  std::vector<double> penalties(const Ridge &ridge, double damping) const {
    std::vector<double> result(static_cast<size_t>(neurons), damping * ridge.meanSquares(0, neurons) + 1e-30);
    result.resize(static_cast<size_t>(features), kShiftDamping * ridge.meanSquares(neurons, features));
    return result;
  }

  std::vector<double> judge(const std::vector<std::vector<float>> &candidates) const {
    std::vector<PanelMatrix> matrices;
    for (const std::vector<float> &candidate : candidates)
      matrices.emplace_back(candidate.data(), products.block().outputs(), features);
    std::vector<double> lost(candidates.size());
    Spread total(products.block().outputs());
    forRuns(rows.judge, rows.width, [&](const float *x, int64_t number) {
      Sample sample = look(x, number);
      total.add(sample.all);
      for (auto [sum, matrix] : llvm::zip_equal(lost, matrices)) {
        std::vector<float> repaired = multiplyRows(matrix, sample.features.data(), number);
        for (auto [a, b] : llvm::zip_equal(sample.left, repaired))
          sum += (double(a) - b) * (double(a) - b);
      }
    });
    double all = total.variance();
    for (double &error : lost)
      error = all > 0 ? std::sqrt(error / all) : 0;
    return lost;
  }

  Repair take(const std::vector<float> &fitted, double error) const {
    int64_t outputs = products.block().outputs();
    auto column = [&](int64_t i, std::vector<float> &to) {
      for (int64_t m = 0; m < outputs; ++m)
        to.push_back(fitted[static_cast<size_t>(m * features + i)]);
    };
    Repair repair;
    repair.error = error;
    for (int64_t i = 0; i < neurons; ++i)
      column(i, repair.values);
    for (int64_t i = neurons; i < features; ++i)
      column(i, repair.shifts);
    return repair;
  }
};

} // namespace

std::optional<Repair> fitRepair(const BlockProducts &products, const BlockRows &rows, const NeuronClusters &clusters,
                                int64_t count) {
  return RepairFit(products, rows, clusters, count).run();
}

} // namespace lmopt::lm
