// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is left out, on rows that are drawn; see LeftOut.h.
#include "passes/split-ffn/LeftOut.h"

#include "dialects/lm/elementwise/Reference.h"
#include "passes/factorize-softmax/RowProducts.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace lmopt::lm {

namespace {

/// A share of the mean variance that is added to each: behind a norm that takes the mean off the covariance is
/// singular.
constexpr double kJitter = 1e-6;
/// Rows that go through a matrix together: it is read once for all of them.
constexpr int64_t kTogether = 32;
static_assert(kRows % kTogether == 0);

/// Rows of mean m and covariance L Lᵀ.
class NormalRows {
public:
  static std::optional<NormalRows> create(InputMoments moments) {
    moments.covariance.addToDiagonal(kJitter * moments.covariance.meanDiagonal() + 1e-30);
    if (!factorize(moments.covariance))
      return std::nullopt;
    return NormalRows(std::move(moments));
  }

  void draw(std::vector<float> &rows) {
    std::vector<double> numbers;
    for (size_t i = 0; i < moments.mean.size(); ++i) {
      numbers.push_back(normal());
      const double *root = moments.covariance.row(static_cast<int64_t>(i));
      double sum = moments.mean[i];
      for (size_t j = 0; j <= i; ++j)
        sum += root[j] * numbers[j];
      rows.push_back(static_cast<float>(sum));
    }
  }

private:
  explicit NormalRows(InputMoments from) : moments(std::move(from)), generator(moments.mean.size()) {}

  InputMoments moments; ///< the root in the place of the covariance
  std::mt19937_64 generator;

  /// Mean 0 and variance 1.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i)
      sum += std::ldexp(static_cast<double>(generator() >> 11), -53);
    return sum;
  }
};

class Observation {
public:
  Observation(const DenseBlock &block, const NeuronClusters &clusters, int64_t count)
      : block(block), clusters(clusters), count(count), first(block.first.numbers, block.neurons(), block.width()),
        last(block.last.numbers, block.last.count, block.neurons()),
        router(clusters.router.data(), clusters.routerRows(), block.width()), sums(block.neurons()),
        squares(block.neurons()), leftSums(block.neurons()), leftSquares(block.neurons()), total(block.last.count),
        lost(block.last.count) {
    if (block.up)
      up.emplace(block.up, block.neurons(), block.width());
  }

  /// kTogether rows of what the block reads.
  void add(const std::vector<float> &x) {
    std::vector<float> whole = activations(x), left = whole;
    dropChosen(x, left);
    for (size_t at = 0; at < whole.size(); ++at) {
      size_t i = at % sums.size();
      sums[i] += std::fabs(whole[at]), squares[i] += double(whole[at]) * whole[at];
      leftSums[i] += std::fabs(left[at]), leftSquares[i] += double(left[at]) * left[at];
    }
    total.add(products(last, whole));
    lost.add(products(last, left));
  }

  LeftOut result() const {
    LeftOut found;
    for (size_t i = 0; i < sums.size(); ++i) {
      // A neuron that is never anything is left out as often as any.
      double otherwise = 1 - double(count) / double(clusters.experts);
      found.share.push_back(sums[i] > 0 ? leftSums[i] / sums[i] : otherwise);
      found.squares.push_back(squares[i] > 0 ? leftSquares[i] / squares[i] : otherwise);
    }
    found.firing = firing / double(kRows * block.neurons());
    double all = total.variance();
    found.error = all > 0 ? std::sqrt(lost.variance() / all) : 0;
    found.plainError = all > 0 ? std::sqrt(lost.squares / all) : 0;
    return found;
  }

private:
  /// Of rows of results: what their variance is made of.
  struct Spread {
    std::vector<double> sums;
    double squares = 0;

    explicit Spread(int64_t width) : sums(static_cast<size_t>(width)) {}
    void add(const std::vector<float> &rows) {
      for (size_t at = 0; at < rows.size(); ++at)
        sums[at % sums.size()] += rows[at], squares += double(rows[at]) * rows[at];
    }
    double variance() const {
      double means = 0;
      for (double sum : sums)
        means += sum * sum / double(kRows);
      return std::max(0.0, squares - means);
    }
  };

  const DenseBlock &block;
  const NeuronClusters &clusters;
  int64_t count;
  PanelMatrix first, last, router;
  std::optional<PanelMatrix> up;
  std::vector<double> sums, squares, leftSums, leftSquares;
  Spread total, lost;
  double firing = 0;

  static std::vector<float> products(const PanelMatrix &matrix, const std::vector<float> &x) {
    std::vector<float> padded(static_cast<size_t>(kTogether * matrix.stride())), results;
    matrix.multiply(x.data(), kTogether, padded.data());
    for (auto row = padded.begin(); row != padded.end(); row += matrix.stride())
      results.insert(results.end(), row, row + matrix.rows());
    return results;
  }

  std::vector<float> activations(const std::vector<float> &x) {
    std::vector<float> numbers = products(first, x);
    for (size_t at = 0; at < numbers.size(); ++at) {
      float u = numbers[at] + (block.firstBias ? block.firstBias[at % sums.size()] : 0);
      firing += u > 0;
      numbers[at] = static_cast<float>(reference::apply(block.kind, u));
    }
    if (!up)
      return numbers;
    std::vector<float> factors = products(*up, x);
    std::transform(numbers.begin(), numbers.end(), factors.begin(), numbers.begin(), std::multiplies<>());
    return numbers;
  }

  void dropChosen(const std::vector<float> &x, std::vector<float> &left) const {
    std::vector<float> scores = products(router, x);
    for (int64_t row = 0; row < kTogether; ++row)
      for (int64_t e : clusters.choose(scores.data() + row * clusters.routerRows(), count))
        for (int64_t i = e * clusters.size(); i < (e + 1) * clusters.size(); ++i)
          left[static_cast<size_t>(row * block.neurons() + clusters.order[static_cast<size_t>(i)])] = 0;
  }
};

} // namespace

std::optional<LeftOut> findLeftOut(const DenseBlock &block, InputMoments moments, const NeuronClusters &clusters,
                                   int64_t count) {
  std::optional<NormalRows> rows = NormalRows::create(std::move(moments));
  if (!rows)
    return std::nullopt;
  Observation observation(block, clusters, count);
  for (int64_t i = 0; i < kRows; i += kTogether) {
    std::vector<float> drawn;
    for (int64_t row = 0; row < kTogether; ++row)
      rows->draw(drawn);
    observation.add(drawn);
  }
  return observation.result();
}

} // namespace lmopt::lm
