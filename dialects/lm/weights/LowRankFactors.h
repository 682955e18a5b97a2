// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The nearest product A B of low rank to a matrix W [m, n]: plain C++ in f64, without MLIR.
//
// What is near is measured by a symmetric C [n, n]: |E|² = tr(E C Eᵀ). With C the centred second moments of the inputs
// this is the sum of squares of what the results lose (whitened SVD, techniques 8.1), with C diagonal that of ASVD,
// with the unit matrix that of plain SVD. With C = S Sᵀ and W S = U Z Vᵀ the nearest product of rank r is
//     A B = U_r Z_r V_rᵀ S^-1 = U_r U_rᵀ W,        |W - A B|² = sum over i > r of Z[i]²
// so all methods keep of the results what lies in a space, and differ in which. U are the eigenvectors of W C Wᵀ; where
// n < m those of Sᵀ Wᵀ W S are V, and U = W S V Z^-1. The factors share the singular values:
//     A = U_r Z_r^1/2   [m, r]        B = Z_r^-1/2 U_rᵀ W   [r, n]
// Order of sums is fixed: the same bits on every machine. Cost: m n (m + n) products or less and an eigenproblem of the
// lesser of m and n. Tested by test/unit/dialects/LowRankFactorsTest.cpp.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_LOWRANKFACTORS_H
#define LMOPT_DIALECTS_LM_WEIGHTS_LOWRANKFACTORS_H

#include "dialects/lm/weights/LeastSquares.h"

#include <optional>

namespace lmopt::lm {

/// C.
class Metric {
public:
  /// The unit matrix.
  Metric() = default;
  explicit Metric(std::vector<double> diagonal) : diagonal(std::move(diagonal)) {}
  explicit Metric(SquareMatrix matrix) : matrix(std::move(matrix)) {}

  /// W C of W [rows, n].
  std::vector<double> after(const std::vector<double> &weights, int64_t rows, int64_t width) const;
  /// W S; empty when C is not positive definite.
  std::vector<double> halfAfter(const std::vector<double> &weights, int64_t rows, int64_t width) const;

private:
  std::vector<double> diagonal;
  std::optional<SquareMatrix> matrix;
};

/// C + d I, d = damping * mean of the diagonal.
Metric whiteningMetric(SquareMatrix centredMoments, double damping);
/// diag(rms^(2 alpha)) of inputs with these moments and this mean.
Metric rmsMetric(const SquareMatrix &centredMoments, const std::vector<double> &mean, int64_t count, double alpha);

/// Z², descending, as many as the lesser of m and n. Empty when numbers are not finite or C is not positive definite.
std::vector<double> squaredSingularValues(const float *weights, int64_t rows, int64_t width, const Metric &metric);

struct LowRankFactors {
  int64_t rank = 0;          ///< 0: as for squaredSingularValues
  std::vector<double> left;  ///< A
  std::vector<double> right; ///< B
  std::vector<double> basis; ///< U_rᵀ [r, m]
};
LowRankFactors lowRankFactors(const float *weights, int64_t rows, int64_t width, const Metric &metric, int64_t rank);

/// tr((W - A B) C (W - A B)ᵀ) for any C.
double lostPower(const float *weights, int64_t rows, int64_t width, const LowRankFactors &factors,
                 const Metric &metric);

/// (W - A B) x.
std::vector<double> lostResult(const float *weights, int64_t rows, const std::vector<double> &x,
                               const LowRankFactors &factors);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_LOWRANKFACTORS_H
