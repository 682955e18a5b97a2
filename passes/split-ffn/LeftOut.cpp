// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is left out, row by row; see LeftOut.h.
#include "passes/split-ffn/LeftOut.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>

namespace lmopt::lm {

std::vector<std::vector<int64_t>> Router::choose(const float *rows, int64_t number, int64_t count) const {
  std::vector<float> scores = multiplyRows(weight, rows, number);
  std::vector<std::vector<int64_t>> chosen;
  for (int64_t r = 0; r < number; ++r)
    chosen.push_back(clusters.choose(scores.data() + r * clusters.routerRows(), count));
  return chosen;
}

void Spread::add(const std::vector<float> &results) {
  for (size_t at = 0; at < results.size(); ++at)
    sums[at % sums.size()] += results[at], squares += double(results[at]) * results[at];
  rows += static_cast<int64_t>(results.size() / sums.size());
}

double Spread::variance() const {
  double means = 0;
  for (double sum : sums)
    means += sum * sum / double(rows);
  return std::max(0.0, squares - means);
}

namespace {

class Observation {
public:
  Observation(const BlockProducts &products, const NeuronClusters &clusters, int64_t count)
      : products(products), clusters(clusters), count(count), router(clusters, products.block().width()),
        sums(products.block().neurons()), squares(sums), leftSums(sums), leftSquares(sums),
        total(products.block().outputs()), lost(products.block().outputs()) {}

  void add(const float *x, int64_t number) {
    Activations given = products.activations(x, number);
    const std::vector<float> &whole = given.numbers;
    std::vector<float> left = whole;
    firing += given.firing;
    dropChosen(x, number, left);
    for (size_t at = 0; at < whole.size(); ++at) {
      size_t i = at % sums.size();
      sums[i] += std::fabs(whole[at]), squares[i] += double(whole[at]) * whole[at];
      leftSums[i] += std::fabs(left[at]), leftSquares[i] += double(left[at]) * left[at];
    }
    total.add(products.results(whole));
    lost.add(products.results(left));
  }

  LeftOut result() const {
    LeftOut found;
    for (size_t i = 0; i < sums.size(); ++i) {
      // A neuron that is never anything is left out as often as any.
      double otherwise = 1 - double(count) / double(clusters.experts);
      found.share.push_back(sums[i] > 0 ? leftSums[i] / sums[i] : otherwise);
      found.squares.push_back(squares[i] > 0 ? leftSquares[i] / squares[i] : otherwise);
    }
    found.firing = double(firing) / double(total.rows * static_cast<int64_t>(sums.size()));
    double all = total.variance();
    found.error = all > 0 ? std::sqrt(lost.variance() / all) : 0;
    found.plainError = all > 0 ? std::sqrt(lost.squares / all) : 0;
    return found;
  }

private:
  const BlockProducts &products;
  const NeuronClusters &clusters;
  int64_t count;
  Router router;
  std::vector<double> sums, squares, leftSums, leftSquares;
  Spread total, lost;
  int64_t firing = 0;

  void dropChosen(const float *x, int64_t number, std::vector<float> &left) const {
    auto neurons = static_cast<int64_t>(sums.size());
    for (auto [row, chosen] : llvm::enumerate(router.choose(x, number, count)))
      for (int64_t e : chosen)
        for (int64_t i : clusters.members(e))
          left[row * static_cast<size_t>(neurons) + static_cast<size_t>(i)] = 0;
  }
};

} // namespace

LeftOut findLeftOut(const BlockProducts &products, const BlockRows &rows, const NeuronClusters &clusters,
                    int64_t count) {
  Observation observation(products, clusters, count);
  forRuns(rows.judge, rows.width, [&](const float *x, int64_t number) { observation.add(x, number); });
  return observation.result();
}

} // namespace lmopt::lm
