// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The symmetric eigenproblem; see SymmetricEigen.h.
#include "dialects/lm/weights/SymmetricEigen.h"

#include "dialects/lm/weights/LinearAlgebra.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace lmopt::lm {

#pragma clang fp contract(off)

namespace {

/// A = Q T Qᵀ with T tridiagonal and Q a product of reflections I - 2 v vᵀ / vᵀv.
class Tridiagonal {
public:
  explicit Tridiagonal(SquareMatrix &matrix) : matrix(matrix), size(matrix.size), diagonal(sized()), beside(sized()) {
    for (int64_t k = 0; k + 2 < size; ++k)
      eliminate(k);
    finish();
  }

  /// x := Q x.
  void apply(double *x) const {
    for (int64_t k = size - 3; k >= 0; --k)
      if (halfNorm(k) > 0) {
        const double *v = matrix.row(k) + k + 1;
        int64_t count = size - k - 1;
        subtract(x + k + 1, v, dot(v, x + k + 1, count) / halfNorm(k), count);
      }
  }

  SquareMatrix &matrix; ///< row k: the vector of reflection k from column k + 1 on
  int64_t size;
  std::vector<double> diagonal, beside; ///< beside[k] couples k and k + 1

private:
  std::vector<double> halfNorms = sized(); ///< vᵀv / 2; 0: no reflection

  std::vector<double> sized() const { return std::vector<double>(static_cast<size_t>(size)); }
  double halfNorm(int64_t k) const { return halfNorms[static_cast<size_t>(k)]; }

  /// Makes row k's numbers behind its first neighbour zero, in what is left of the matrix (columns k + 1 and on).
  void eliminate(int64_t k) {
    int64_t count = size - k - 1;
    double *v = matrix.row(k) + k + 1; // symmetric: the row is the column
    double norm = std::sqrt(dot(v, v, count));
    double head = v[0] > 0 ? -norm : norm; // so that nothing cancels
    diagonal[static_cast<size_t>(k)] = matrix.row(k)[k];
    beside[static_cast<size_t>(k)] = head;
    v[0] -= head;
    double half = dot(v, v, count) / 2;
    halfNorms[static_cast<size_t>(k)] = half;
    if (half > 0)
      reflect(k, v, half);
  }

  /// A := H A H = A - v wᵀ - w vᵀ with p = A v / half, w = p - v (pᵀv / 2 half).
  void reflect(int64_t k, const double *v, double half) {
    int64_t count = size - k - 1;
    std::vector<double> w(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i)
      w[static_cast<size_t>(i)] = dot(rest(k, i), v, count) / half;
    subtract(w.data(), v, dot(w.data(), v, count) / (2 * half), count);
    for (int64_t i = 0; i < count; ++i) {
      subtract(rest(k, i), w.data(), v[i], count);
      subtract(rest(k, i), v, w[static_cast<size_t>(i)], count);
    }
  }

  double *rest(int64_t k, int64_t i) { return matrix.row(k + 1 + i) + k + 1; }

  void finish() {
    for (int64_t k = std::max<int64_t>(0, size - 2); k < size; ++k)
      diagonal[static_cast<size_t>(k)] = matrix.row(k)[k];
    if (size > 1)
      beside[static_cast<size_t>(size - 2)] = matrix.row(size - 2)[size - 1];
  }
};

struct Rotation {
  int64_t row; ///< of row and row + 1
  double cosine, sine;
};

/// Rotations in the order in which they were made, applied to the rows of a matrix that begins as the unit matrix. They
/// wait until there are many, and then pass strip by strip of columns, which stays in a cache.
class Vectors {
public:
  explicit Vectors(int64_t size) : rows(size) { rows.addToDiagonal(1); }

  void add(Rotation rotation) {
    waiting.push_back(rotation);
    if (static_cast<int64_t>(waiting.size()) > 32 * rows.size)
      flush();
  }

  void flush() {
    constexpr int64_t strip = 32;
    for (int64_t first = 0; first < rows.size; first += strip)
      for (const Rotation &one : waiting)
        rotate(rows.row(one.row) + first, rows.row(one.row + 1) + first, one.cosine, one.sine,
               std::min(strip, rows.size - first));
    waiting.clear();
  }

  SquareMatrix rows;

private:
  std::vector<Rotation> waiting;
};

/// The QL iteration on a tridiagonal matrix.
class Iteration {
public:
  Iteration(Tridiagonal &matrix, Vectors *vectors)
      : d(matrix.diagonal), e(matrix.beside), size(matrix.size), vectors(vectors) {}

  /// False when it does not end, which no matrix is known for.
  bool run() {
    int64_t left = 50 * size;
    for (int64_t first = 0; first < size; ++first)
      for (int64_t end = blockEnd(first); end > first; end = blockEnd(first)) {
        if (left-- == 0)
          return false;
        step(first, end);
      }
    return true;
  }

private:
  std::vector<double> &d, &e;
  int64_t size;
  Vectors *vectors; ///< or null

  /// The last row of the block that begins at `first`: behind it the matrix falls apart.
  int64_t blockEnd(int64_t first) {
    int64_t end = first;
    while (end + 1 < size && !isNegligible(end))
      ++end;
    return end;
  }

  bool isNegligible(int64_t k) const {
    auto i = static_cast<size_t>(k);
    double beside = std::abs(d[i]) + std::abs(d[i + 1]);
    return std::abs(e[i]) <= std::numeric_limits<double>::epsilon() * beside + 1e-30; // of a matrix scaled to 1
  }

  /// The eigenvalue of the first 2 x 2 block that is nearest to its first number.
  double shift(size_t first) const {
    double half = (d[first + 1] - d[first]) / (2 * e[first]);
    double root = std::sqrt(half * half + 1);
    return d[first] - e[first] / (half + (half < 0 ? -root : root));
  }

  /// One implicit QL step: a bulge from the end of the block to its beginning, by rotations of neighbours.
  void step(int64_t first, int64_t end) {
    double sine = 1, cosine = 1, moved = 0;
    double bulge = d[static_cast<size_t>(end)] - shift(static_cast<size_t>(first));
    e[static_cast<size_t>(end)] = 0;
    for (int64_t k = end - 1; k >= first; --k) {
      auto i = static_cast<size_t>(k);
      double f = sine * e[i], b = cosine * e[i];
      double length = std::sqrt(f * f + bulge * bulge);
      if (k + 1 < end)
        e[i + 1] = length;
      if (length == 0) { // the block falls apart here
        d[i + 1] -= moved;
        return;
      }
      sine = f / length;
      cosine = bulge / length;
      double before = d[i + 1] - moved;
      double turn = (d[i] - before) * sine + 2 * cosine * b;
      moved = sine * turn;
      d[i + 1] = before + moved;
      bulge = cosine * turn - b;
      if (vectors)
        vectors->add({k, cosine, sine});
    }
    d[static_cast<size_t>(first)] -= moved;
    e[static_cast<size_t>(first)] = bulge;
  }
};

} // namespace

/// Divides by a power of two, so that the greatest number is near 1 and no square overflows or vanishes. 0: the matrix
/// has a number that is not finite.
static double scale(SquareMatrix &matrix) {
  double greatest = 0;
  for (double number : matrix.numbers) {
    if (!std::isfinite(number))
      return 0;
    greatest = std::max(greatest, std::abs(number));
  }
  int exponent = 0;
  std::frexp(greatest, &exponent);
  for (double &number : matrix.numbers)
    number = std::ldexp(number, -exponent);
  return std::ldexp(1.0, exponent);
}

std::vector<double> eigenvalues(SquareMatrix matrix) {
  double unit = scale(matrix);
  Tridiagonal tridiagonal(matrix);
  if (unit == 0 || !Iteration(tridiagonal, nullptr).run())
    return {};
  std::vector<double> values = std::move(tridiagonal.diagonal);
  std::sort(values.begin(), values.end(), std::greater<double>());
  for (double &value : values)
    value *= unit;
  return values;
}

Eigenpairs eigenpairs(SquareMatrix matrix, int64_t count) {
  double unit = scale(matrix);
  Tridiagonal tridiagonal(matrix);
  Vectors vectors(matrix.size);
  if (unit == 0 || !Iteration(tridiagonal, &vectors).run())
    return {};
  vectors.flush();
  std::vector<int64_t> order(static_cast<size_t>(matrix.size));
  std::iota(order.begin(), order.end(), 0);
  auto valueOf = [&](int64_t i) { return tridiagonal.diagonal[static_cast<size_t>(i)]; };
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return valueOf(a) != valueOf(b) ? valueOf(a) > valueOf(b) : a < b; });
  Eigenpairs pairs;
  for (int64_t i : order)
    pairs.values.push_back(valueOf(i) * unit);
  for (int64_t k = 0; k < count; ++k) {
    double *vector = vectors.rows.row(order[static_cast<size_t>(k)]);
    tridiagonal.apply(vector);
    pairs.vectors.insert(pairs.vectors.end(), vector, vector + matrix.size);
  }
  return pairs;
}

} // namespace lmopt::lm
