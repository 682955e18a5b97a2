// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Low rank on plain arrays; see LowRankFactors.h.
#include "dialects/lm/weights/LowRankFactors.h"

#include "dialects/lm/weights/LinearAlgebra.h"
#include "dialects/lm/weights/SymmetricEigen.h"

#include <algorithm>
#include <cmath>

namespace lmopt::lm {

#pragma clang fp contract(off)

std::vector<double> Metric::after(const std::vector<double> &weights, int64_t rows, int64_t width) const {
  if (matrix)
    return productTransposed(weights, rows, matrix->numbers, width, width);
  std::vector<double> product = weights;
  for (size_t i = 0; i < product.size() && !diagonal.empty(); ++i)
    product[i] *= diagonal[i % static_cast<size_t>(width)];
  return product;
}

std::vector<double> Metric::halfAfter(const std::vector<double> &weights, int64_t rows, int64_t width) const {
  if (!matrix) {
    std::vector<double> roots = diagonal;
    for (double &root : roots)
      root = std::sqrt(root);
    return Metric(std::move(roots)).after(weights, rows, width);
  }
  SquareMatrix factor = *matrix;
  if (!factorize(factor))
    return {};
  for (int64_t i = 0; i < width; ++i)
    std::fill(factor.row(i) + i + 1, factor.row(i) + width, 0); // the factor is the lower half
  return productTransposed(weights, rows, transposed(factor.numbers, width, width), width, width);
}

Metric whiteningMetric(SquareMatrix centredMoments, double damping) {
  centredMoments.addToDiagonal(damping * centredMoments.meanDiagonal());
  return Metric(std::move(centredMoments));
}

Metric rmsMetric(const SquareMatrix &centredMoments, const std::vector<double> &mean, int64_t count, double alpha) {
  std::vector<double> diagonal = mean;
  for (int64_t i = 0; i < centredMoments.size; ++i) {
    double &number = diagonal[static_cast<size_t>(i)];
    number = std::pow(centredMoments.row(i)[i] / static_cast<double>(count) + number * number, alpha);
  }
  return Metric(std::move(diagonal));
}

static SquareMatrix squareOf(std::vector<double> numbers, int64_t size) {
  SquareMatrix matrix(0);
  matrix.size = size;
  matrix.numbers = std::move(numbers);
  return matrix;
}

namespace {

/// The eigenproblem of W in a metric, on its lesser side.
struct Problem {
  std::vector<double> weights, scaled; ///< scaled: (W S)ᵀ [width, rows] where the inputs are the lesser side
  SquareMatrix matrix{0};
  int64_t rows, width;
  bool good = true;

  Problem(const float *numbers, int64_t rows, int64_t width, const Metric &metric)
      : weights(numbers, numbers + rows * width), rows(rows), width(width) {
    if (rows <= width) {
      matrix = squareOf(productTransposed(metric.after(weights, rows, width), rows, weights, rows, width), rows);
      return;
    }
    std::vector<double> half = metric.halfAfter(weights, rows, width);
    good = !half.empty();
    if (!good)
      return;
    scaled = transposed(half, rows, width);
    matrix = squareOf(productTransposed(scaled, width, scaled, width, rows), width);
  }

  /// U_rᵀ from the eigenvectors.
  std::vector<double> basis(const Eigenpairs &pairs, int64_t rank) const {
    if (rows <= width)
      return pairs.vectors;
    std::vector<double> made = productTransposed(pairs.vectors, rank, transposed(scaled, width, rows), rows, width);
    orthonormalize(made, rank);
    return made;
  }

private:
  /// Gram-Schmidt, from the greatest on, twice: the vectors are nearly orthogonal already, but of the lengths Z.
  void orthonormalize(std::vector<double> &vectors, int64_t count) const {
    for (int64_t i = 0; i < count; ++i) {
      double *x = vectors.data() + i * rows;
      for (int64_t k = 0; k < 2 * i; ++k)
        subtract(x, vectors.data() + k % i * rows, dot(vectors.data() + k % i * rows, x, rows), rows);
      double length = std::sqrt(dot(x, x, rows));
      for (int64_t j = 0; j < rows; ++j)
        x[j] = length > 0 ? x[j] / length : 0;
    }
  }
};

} // namespace

std::vector<double> squaredSingularValues(const float *weights, int64_t rows, int64_t width, const Metric &metric) {
  Problem problem(weights, rows, width, metric);
  std::vector<double> values = problem.good ? eigenvalues(std::move(problem.matrix)) : std::vector<double>();
  for (double &value : values)
    value = std::max(value, 0.0); // of a sum of squares; below 0 only by rounding
  return values;
}

LowRankFactors lowRankFactors(const float *weights, int64_t rows, int64_t width, const Metric &metric, int64_t rank) {
  Problem problem(weights, rows, width, metric);
  Eigenpairs pairs = problem.good ? eigenpairs(problem.matrix, rank) : Eigenpairs();
  if (pairs.values.empty())
    return {};
  LowRankFactors factors;
  factors.rank = rank;
  factors.basis = problem.basis(pairs, rank);
  factors.right = productTransposed(factors.basis, rank, transposed(problem.weights, rows, width), width, rows);
  factors.left = transposed(factors.basis, rank, rows);
  for (int64_t k = 0; k < rank; ++k) {
    double value = pairs.values[static_cast<size_t>(k)];
    double share = value > 0 ? std::sqrt(std::sqrt(value)) : 0; // Z^1/2
    for (int64_t r = 0; r < rows; ++r)
      factors.left[static_cast<size_t>(r * rank + k)] *= share;
    for (int64_t i = 0; i < width; ++i)
      factors.right[static_cast<size_t>(k * width + i)] *= share > 0 ? 1 / share : 0;
  }
  return factors;
}

static std::vector<double> lostWeights(const float *weights, int64_t rows, int64_t width,
                                       const LowRankFactors &factors) {
  std::vector<double> lost(weights, weights + rows * width);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < factors.rank; ++k)
      subtract(lost.data() + r * width, factors.right.data() + k * width,
               factors.left[static_cast<size_t>(r * factors.rank + k)], width);
  return lost;
}

double lostPower(const float *weights, int64_t rows, int64_t width, const LowRankFactors &factors,
                 const Metric &metric) {
  std::vector<double> lost = lostWeights(weights, rows, width, factors);
  return dot(metric.after(lost, rows, width).data(), lost.data(), rows * width);
}

std::vector<double> lostResult(const float *weights, int64_t rows, const std::vector<double> &x,
                               const LowRankFactors &factors) {
  auto width = static_cast<int64_t>(x.size());
  std::vector<double> lost = lostWeights(weights, rows, width, factors);
  return productTransposed(lost, rows, x, 1, width);
}

} // namespace lmopt::lm
