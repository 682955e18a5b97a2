// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The product of a matrix and values of which only some are kept, as near as the kept ones allow: plain C++ in f64,
// without MLIR. Columns of W belong to inputs x; their second moments say how much of a dropped input the kept ones can
// stand for.
//
// With centred moments C = sum (x - mean)(x - mean)ᵀ, the kept inputs K and the removed ones R:
//     W' = W[:, K] + W[:, R] C[R, K] (C[K, K] + d I)^-1            d = damping * mean diagonal of C
// minimises sum |W (x - mean) - W' (x - mean)[K]|² + d |W' - W[:, K]|²: ordinary least squares for d = 0
// (techniques 7.4), and what is not seen in the text stays as it was. (Damping towards 0, W C[:, K] (C[K, K] + d I)^-1,
// also shrinks what nothing is removed from: 25 % less of SmolLM2 then cost a KL of 0.223.) Removing the inputs set
// after set by the inverse H = (C + d I)^-1, where R costs tr(W[:, R] H[R, R]^-1 W[:, R]ᵀ), |W[:, i]|² / H[i, i] for
// one, ends at the same W' (optimal brain surgeon; Hassibi and Stork 1993). Order of sums is fixed: the same bits on
// every machine. Tested by test/unit/dialects/LeastSquaresTest.cpp.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_LEASTSQUARES_H
#define LMOPT_DIALECTS_LM_WEIGHTS_LEASTSQUARES_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace lmopt::lm {

/// Symmetric, row-major, both halves.
struct SquareMatrix {
  int64_t size = 0;
  std::vector<double> numbers;

  explicit SquareMatrix(int64_t size) : size(size), numbers(static_cast<size_t>(size * size)) {}
  double *row(int64_t i) { return numbers.data() + i * size; }
  const double *row(int64_t i) const { return numbers.data() + i * size; }
  double meanDiagonal() const;
  void addToDiagonal(double number);
};

/// Centred moments of `count` rows from the lower half of sum x xᵀ and sum x.
SquareMatrix centredMoments(const std::vector<double> &lowerHalf, const std::vector<double> &sums, int64_t count);

/// A = L Lᵀ; L in the lower half. False when the matrix is not positive definite.
bool factorize(SquareMatrix &matrix);
/// x := A^-1 x for a factorized A and each of `count` vectors, one behind the other.
void solve(const SquareMatrix &factor, double *vectors, int64_t count = 1);
/// x := L^-T x, the second half of it.
void solveTransposed(const SquareMatrix &factor, double *vectors, int64_t count);
/// A^-1 of a factorized A.
SquareMatrix inverse(const SquareMatrix &factor);

/// W' [rows, kept]; empty when the moments are not finite or too near to singular for the damping.
std::vector<float> refitColumns(const float *weights, int64_t rows, const SquareMatrix &moments,
                                const std::vector<int64_t> &kept, double damping);

/// What of the mean input the kept ones do not stand for: v with (W - W' on K) mean = W v. Empty as refitColumns.
std::vector<double> lostMean(const SquareMatrix &moments, const std::vector<double> &mean,
                             const std::vector<int64_t> &kept, double damping);

/// tr(W C Wᵀ): the sum of squares of the centred results.
double resultPower(const float *weights, int64_t rows, const SquareMatrix &moments);
/// The sum of squares of what is lost: sum |W (x - mean) - W' (x - mean)[K]|², for any W' [rows, kept].
double lostPower(const float *weights, int64_t rows, const SquareMatrix &moments, const std::vector<int64_t> &kept,
                 const std::vector<float> &refitted);

/// Removes columns while the others make up for them.
class ColumnRemoval {
public:
  /// All are there; nothing when the moments are as refitColumns refuses them.
  static std::optional<ColumnRemoval> begin(const float *weights, int64_t rows, const SquareMatrix &moments,
                                            double damping);

  /// What it costs to remove these, too: how much sum |W (x - mean) - W' (x - mean)[K]|² + d |W' - W[:, K]|² of the
  /// best W' grows. Infinite when that is not to be told for lack of digits.
  double cost(const std::vector<int64_t> &columns) const;
  void remove(const std::vector<int64_t> &columns);

private:
  ColumnRemoval(const float *weights, int64_t rows, SquareMatrix inverted);

  int64_t rows;
  std::vector<double> weights;
  SquareMatrix inverted;
  std::vector<int64_t> left; ///< ascending
  std::vector<double> norms; ///< |W[:, i]|²

  double *row(int64_t r) { return weights.data() + r * inverted.size; }
  double costOfSeveral(const std::vector<int64_t> &columns) const;
  void updateWeights(int64_t removed);
  void updateInverse(int64_t removed);
};

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_LEASTSQUARES_H
