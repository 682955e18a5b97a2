// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Least squares on plain arrays; see LeastSquares.h.
#include "dialects/lm/weights/LeastSquares.h"

#include "dialects/lm/weights/LinearAlgebra.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lmopt::lm {

#pragma clang fp contract(off)

double SquareMatrix::meanDiagonal() const {
  double sum = 0;
  for (int64_t i = 0; i < size; ++i)
    sum += row(i)[i];
  return sum / static_cast<double>(size);
}

void SquareMatrix::addToDiagonal(double number) {
  for (int64_t i = 0; i < size; ++i)
    row(i)[i] += number;
}

SquareMatrix centredMoments(const std::vector<double> &lowerHalf, const std::vector<double> &sums, int64_t count) {
  auto size = static_cast<int64_t>(sums.size());
  SquareMatrix moments(size);
  const double *next = lowerHalf.data();
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j <= i; ++j)
      moments.row(i)[j] = moments.row(j)[i] =
          *next++ - sums[static_cast<size_t>(i)] * sums[static_cast<size_t>(j)] / static_cast<double>(count);
  return moments;
}

bool factorize(SquareMatrix &matrix) {
  for (int64_t i = 0; i < matrix.size; ++i) {
    double *row = matrix.row(i);
    for (int64_t j = 0; j < i; ++j)
      row[j] = (row[j] - dot(row, matrix.row(j), j)) / matrix.row(j)[j];
    double rest = row[i] - dot(row, row, i);
    if (!(rest > 0) || !std::isfinite(rest))
      return false;
    row[i] = std::sqrt(rest);
  }
  return true;
}

/// So many vectors share each row of a matrix while it is in the first-level cache: matrices are larger than all
/// caches.
static constexpr int64_t kTogether = 8;

/// work(first, end) for runs of vectors.
template <typename Work>
static void inRuns(int64_t count, Work work) {
  for (int64_t first = 0; first < count; first += kTogether)
    work(first, std::min(first + kTogether, count));
}

/// x := L^-1 x for the vectors from first to end.
static void solveLower(const SquareMatrix &factor, double *vectors, int64_t first, int64_t end) {
  int64_t size = factor.size;
  for (int64_t i = 0; i < size; ++i)
    for (double *x = vectors + first * size; x != vectors + end * size; x += size)
      x[i] = (x[i] - dot(factor.row(i), x, i)) / factor.row(i)[i];
}

void solveTransposed(const SquareMatrix &factor, double *vectors, int64_t count) {
  int64_t size = factor.size;
  inRuns(count, [&](int64_t first, int64_t end) {
    for (int64_t i = size - 1; i >= 0; --i)
      for (double *x = vectors + first * size; x != vectors + end * size; x += size) {
        x[i] /= factor.row(i)[i];
        subtract(x, factor.row(i), x[i], i);
      }
  });
}

void solve(const SquareMatrix &factor, double *vectors, int64_t count) {
  inRuns(count, [&](int64_t first, int64_t end) { solveLower(factor, vectors, first, end); });
  solveTransposed(factor, vectors, count);
}

SquareMatrix inverse(const SquareMatrix &factor) {
  SquareMatrix result(factor.size);
  result.addToDiagonal(1);
  solve(factor, result.numbers.data(), factor.size); // row i of a symmetric matrix is its column
  return result;
}

/// C[K, K] + d I as a factor; false as factorize.
static bool factorizeKept(const SquareMatrix &moments, const std::vector<int64_t> &kept, double damping,
                          SquareMatrix &factor) {
  for (size_t i = 0; i < kept.size(); ++i)
    for (size_t j = 0; j < kept.size(); ++j)
      factor.row(static_cast<int64_t>(i))[j] = moments.row(kept[i])[kept[j]];
  factor.addToDiagonal(damping * moments.meanDiagonal());
  return factorize(factor);
}

std::vector<float> refitColumns(const float *weights, int64_t rows, const SquareMatrix &moments,
                                const std::vector<int64_t> &kept, double damping) {
  SquareMatrix factor(static_cast<int64_t>(kept.size()));
  if (!factorizeKept(moments, kept, damping, factor))
    return {};
  auto size = static_cast<int64_t>(kept.size());
  std::vector<double> removed(weights, weights + rows * moments.size), refitted(static_cast<size_t>(rows * size));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t column : kept)
      removed[static_cast<size_t>(r * moments.size + column)] = 0;
  inRuns(rows, [&](int64_t first, int64_t end) {
    for (int64_t k = 0; k < size; ++k)
      for (int64_t r = first; r < end; ++r)
        refitted[static_cast<size_t>(r * size + k)] =
            dot(moments.row(kept[static_cast<size_t>(k)]), removed.data() + r * moments.size, moments.size);
  });
  solve(factor, refitted.data(), rows);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < size; ++k)
      refitted[static_cast<size_t>(r * size + k)] += double(weights[r * moments.size + kept[static_cast<size_t>(k)]]);
  return {refitted.begin(), refitted.end()};
}

std::vector<double> lostMean(const SquareMatrix &moments, const std::vector<double> &mean,
                             const std::vector<int64_t> &kept, double damping) {
  SquareMatrix factor(static_cast<int64_t>(kept.size()));
  if (!factorizeKept(moments, kept, damping, factor))
    return {};
  std::vector<double> shares(kept.size()), lost = mean;
  for (size_t k = 0; k < kept.size(); ++k)
    shares[k] = mean[static_cast<size_t>(kept[k])];
  solve(factor, shares.data());
  for (size_t k = 0; k < kept.size(); ++k)
    subtract(lost.data(), moments.row(kept[k]), shares[k], moments.size);
  for (int64_t column : kept) // they stand for themselves
    lost[static_cast<size_t>(column)] = 0;
  return lost;
}

/// The sum of w C wᵀ over the rows.
static double power(const std::vector<double> &weights, int64_t rows, const SquareMatrix &moments) {
  double sum = 0;
  inRuns(rows, [&](int64_t first, int64_t end) {
    for (int64_t i = 0; i < moments.size; ++i)
      for (int64_t r = first; r < end; ++r) {
        const double *row = weights.data() + r * moments.size;
        sum += row[i] * dot(moments.row(i), row, moments.size);
      }
  });
  return sum;
}

double resultPower(const float *weights, int64_t rows, const SquareMatrix &moments) {
  return power({weights, weights + rows * moments.size}, rows, moments);
}

double lostPower(const float *weights, int64_t rows, const SquareMatrix &moments, const std::vector<int64_t> &kept,
                 const std::vector<float> &refitted) {
  std::vector<double> lost(weights, weights + rows * moments.size);
  for (int64_t r = 0; r < rows; ++r)
    for (size_t k = 0; k < kept.size(); ++k)
      lost[static_cast<size_t>(r * moments.size + kept[k])] -= refitted[static_cast<size_t>(r) * kept.size() + k];
  return power(lost, rows, moments);
}

//===- Removal ---------------------------------------------------------------------------------------------------===//
//
// Removing i: W -= W[:, i] H[i, :] / H[i, i], H -= H[:, i] H[i, :] / H[i, i]. Several go one after another, which ends
// at the same as all at once.

static double square(double x) { return x * x; }

std::optional<ColumnRemoval> ColumnRemoval::begin(const float *weights, int64_t rows, const SquareMatrix &moments,
                                                  double damping) {
  SquareMatrix factor = moments;
  factor.addToDiagonal(damping * moments.meanDiagonal());
  if (!factorize(factor))
    return std::nullopt;
  return ColumnRemoval(weights, rows, inverse(factor));
}

ColumnRemoval::ColumnRemoval(const float *weights, int64_t rows, SquareMatrix inverted)
    : rows(rows), weights(weights, weights + rows * inverted.size), inverted(std::move(inverted)),
      left(static_cast<size_t>(this->inverted.size)), norms(left.size()) {
  std::iota(left.begin(), left.end(), 0);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < this->inverted.size; ++i)
      norms[static_cast<size_t>(i)] += square(row(r)[i]);
}

double ColumnRemoval::cost(const std::vector<int64_t> &columns) const {
  if (columns.size() != 1)
    return costOfSeveral(columns);
  double rest = inverted.row(columns.front())[columns.front()];
  return rest > 0 ? norms[static_cast<size_t>(columns.front())] / rest : INFINITY;
}

// tr(W_R H_RR^-1 W_Rᵀ) is the sum of squares of L^-1 W_Rᵀ, with L Lᵀ = H_RR.
double ColumnRemoval::costOfSeveral(const std::vector<int64_t> &columns) const {
  auto count = static_cast<int64_t>(columns.size());
  SquareMatrix block(count);
  for (int64_t i = 0; i < count; ++i)
    for (int64_t j = 0; j < count; ++j)
      block.row(i)[j] = inverted.row(columns[static_cast<size_t>(i)])[columns[static_cast<size_t>(j)]];
  if (!factorize(block))
    return INFINITY;
  std::vector<double> taken;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t column : columns)
      taken.push_back(weights[static_cast<size_t>(r * inverted.size + column)]);
  inRuns(rows, [&](int64_t first, int64_t end) { solveLower(block, taken.data(), first, end); });
  return dot(taken.data(), taken.data(), rows * count);
}

void ColumnRemoval::remove(const std::vector<int64_t> &columns) {
  for (int64_t removed : columns) {
    left.erase(std::lower_bound(left.begin(), left.end(), removed));
    updateWeights(removed);
    updateInverse(removed);
  }
}

void ColumnRemoval::updateWeights(int64_t removed) {
  const double *column = inverted.row(removed);
  std::fill(norms.begin(), norms.end(), 0);
  for (int64_t r = 0; r < rows; ++r) {
    double *numbers = row(r);
    subtract(numbers, column, numbers[removed] / column[removed], inverted.size);
    numbers[removed] = 0;
    for (int64_t i = 0; i < inverted.size; ++i)
      norms[static_cast<size_t>(i)] += square(numbers[i]);
  }
}

void ColumnRemoval::updateInverse(int64_t removed) {
  std::vector<double> column(inverted.row(removed), inverted.row(removed) + inverted.size);
  for (int64_t i : left)
    subtract(inverted.row(i), column.data(), column[static_cast<size_t>(i)] / column[static_cast<size_t>(removed)],
             inverted.size);
}

} // namespace lmopt::lm
