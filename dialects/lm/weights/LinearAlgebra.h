// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums over rows of f64 that least squares and low rank are made of: plain C++, without MLIR. Order of sums is fixed
// and no product is fused, so results have the same bits on every machine. Tested by
// test/unit/dialects/SymmetricEigenTest.cpp and LeastSquaresTest.cpp.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_LINEARALGEBRA_H
#define LMOPT_DIALECTS_LM_WEIGHTS_LINEARALGEBRA_H

#include <cstdint>
#include <vector>

namespace lmopt::lm {

double dot(const double *a, const double *b, int64_t count);

/// y -= factor x.
void subtract(double *y, const double *x, double factor, int64_t count);

/// (a, b) := (cosine a - sine b, sine a + cosine b), number by number.
void rotate(double *a, double *b, double cosine, double sine, int64_t count);

/// A Bᵀ of A [rows, width] and B [others, width]: [rows, others].
std::vector<double> productTransposed(const std::vector<double> &a, int64_t rows, const std::vector<double> &b,
                                      int64_t others, int64_t width);

/// Aᵀ of A [rows, columns].
std::vector<double> transposed(const std::vector<double> &a, int64_t rows, int64_t columns);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_LINEARALGEBRA_H
