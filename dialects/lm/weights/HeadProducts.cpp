// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See HeadProducts.h.
#include "dialects/lm/weights/HeadProducts.h"

#include "dialects/lm/weights/LinearAlgebra.h"
#include "dialects/lm/weights/SymmetricEigen.h"

#include <algorithm>
#include <cmath>

namespace lmopt::lm {

#pragma clang fp contract(off)

HeadMixing mixHeads(SquareMatrix x, const SquareMatrix &y, double damping, int64_t rank) {
  int64_t size = x.size;
  x.addToDiagonal(damping * x.meanDiagonal());
  if (!factorize(x))
    return {};
  for (int64_t i = 0; i < size; ++i)
    std::fill(x.row(i) + i + 1, x.row(i) + size, 0); // L is the lower half
  std::vector<double> upper = transposed(x.numbers, size, size);
  SquareMatrix middle(size); // Lᵀ Y L
  middle.numbers = productTransposed(productTransposed(upper, size, y.numbers, size, size), size, upper, size, size);
  Eigenpairs pairs = eigenpairs(middle, rank);
  if (pairs.values.empty())
    return {};
  HeadMixing mixing = {pairs.vectors, productTransposed(pairs.vectors, rank, x.numbers, size, size), pairs.values};
  solveTransposed(x, mixing.before.data(), rank);
  for (double &power : mixing.powers)
    power = std::max(power, 0.0); // below 0 only by rounding
  for (int64_t k = 0; k < rank; ++k) {
    double share = std::sqrt(std::sqrt(mixing.powers[static_cast<size_t>(k)])); // Z^1/2
    for (int64_t i = k * size; i < (k + 1) * size; ++i) {
      mixing.before[static_cast<size_t>(i)] *= share;
      mixing.behind[static_cast<size_t>(i)] *= share > 0 ? 1 / share : 0;
    }
  }
  return mixing;
}

namespace {

class Reduction {
public:
  Reduction(const HeadMatrices &matrices, const HeadInputs &inputs, int64_t rank, double damping)
      : matrices(matrices), inputs(inputs), n(matrices.inputs), width(matrices.width), r(rank),
        d(static_cast<int64_t>(matrices.second.size()) / n / matrices.kvHeads), damping(damping),
        first(matrices.outputs ? transposed(matrices.first, width, matrices.heads * d) : matrices.first) {
    if (matrices.outputs)
      reduced.firstBias = matrices.firstBias;
  }

  ReducedHeads run() {
    for (int64_t g = 0; g < matrices.kvHeads; ++g)
      if (!reduce(g))
        return {};
    if (matrices.outputs)
      reduced.first = transposed(reduced.first, matrices.heads * r, width);
    return std::move(reduced);
  }

private:
  const HeadMatrices &matrices;
  const HeadInputs &inputs;
  int64_t n, width, r, d;
  double damping;
  std::vector<double> first; ///< [heads d, width]
  ReducedHeads reduced;

  static std::vector<double> slice(const std::vector<double> &numbers, int64_t begin, int64_t count) {
    return {numbers.begin() + begin, numbers.begin() + begin + count};
  }
  static void append(std::vector<double> &to, const std::vector<double> &numbers) {
    to.insert(to.end(), numbers.begin(), numbers.end());
  }

  /// W C Wᵀ of the rows of one head.
  std::vector<double> momentsOf(const std::vector<double> &rows) const {
    return productTransposed(productTransposed(rows, d, inputs.centred.numbers, n, n), d, rows, d, n);
  }

  /// W mean + b of the rows of one head.
  std::vector<double> meanOf(const std::vector<double> &rows, const std::vector<double> &bias) const {
    std::vector<double> mean = productTransposed(rows, d, inputs.mean, 1, n);
    for (size_t i = 0; i < bias.size(); ++i)
      mean[i] += bias[i];
    return mean;
  }

  /// E q qᵀ, the mean included.
  std::vector<double> secondMomentsOf(const std::vector<double> &rows, int64_t head) const {
    std::vector<double> result = momentsOf(rows), mean = meanOf(rows, slice(matrices.firstBias, head * d, d));
    for (int64_t i = 0; i < d; ++i)
      for (int64_t j = 0; j < d; ++j) {
        double &number = result[static_cast<size_t>(i * d + j)];
        number =
            number / static_cast<double>(inputs.count) + mean[static_cast<size_t>(i)] * mean[static_cast<size_t>(j)];
      }
    return result;
  }

  /// What one head of the first matrix adds to X.
  void addFirst(int64_t head, SquareMatrix &x) const {
    std::vector<double> rows = slice(first, head * d * width, d * width);
    std::vector<double> added =
        matrices.outputs ? productTransposed(rows, d, rows, d, width) : secondMomentsOf(rows, head);
    for (size_t i = 0; i < added.size(); ++i)
      x.numbers[i] += added[i];
  }

  /// One head of the second matrix, with those that read it.
  bool reduce(int64_t g) {
    int64_t group = matrices.heads / matrices.kvHeads;
    std::vector<double> rows = slice(matrices.second, g * d * n, d * n), bias = slice(matrices.secondBias, g * d, d);
    SquareMatrix x(d), y(d);
    for (int64_t head = g * group; head < (g + 1) * group; ++head)
      addFirst(head, x);
    y.numbers = momentsOf(rows);
    HeadMixing mixing = mixHeads(std::move(x), y, damping, r);
    if (mixing.before.empty())
      return false;
    for (size_t k = 0; k < mixing.powers.size(); ++k) {
      reduced.all += mixing.powers[k];
      reduced.kept += k < static_cast<size_t>(r) ? mixing.powers[k] : 0;
    }
    append(reduced.second, productTransposed(mixing.behind, r, transposed(rows, d, n), n, d));
    append(reduced.secondBias, productTransposed(mixing.behind, r, bias, 1, d));
    for (int64_t head = g * group; head < (g + 1) * group; ++head)
      reduceFirst(head, mixing, meanOf(rows, bias));
    return true;
  }

  void reduceFirst(int64_t head, const HeadMixing &mixing, const std::vector<double> &mean) {
    std::vector<double> columns = transposed(slice(first, head * d * width, d * width), d, width); // [width, d]
    append(reduced.first, productTransposed(mixing.before, r, columns, width, d));
    if (!matrices.outputs)
      return append(reduced.firstBias,
                    productTransposed(mixing.before, r, slice(matrices.firstBias, head * d, d), 1, d));
    std::vector<double> lost = mean; // mean - F G mean
    std::vector<double> through = productTransposed(mixing.behind, r, mean, 1, d);
    for (int64_t k = 0; k < r; ++k)
      subtract(lost.data(), mixing.before.data() + k * d, through[static_cast<size_t>(k)], d);
    for (int64_t i = 0; i < width; ++i)
      reduced.firstBias[static_cast<size_t>(i)] += dot(columns.data() + i * d, lost.data(), d);
  }
};

} // namespace

ReducedHeads reduceHeads(const HeadMatrices &matrices, const HeadInputs &inputs, int64_t rank, double damping) {
  return Reduction(matrices, inputs, rank, damping).run();
}

} // namespace lmopt::lm
