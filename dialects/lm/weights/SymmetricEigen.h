// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Eigenvalues and eigenvectors of a symmetric matrix, in f64: plain C++, without MLIR. Householder reflections to a
// tridiagonal matrix, then implicit QL steps with Wilkinson's shift (Parlett, The Symmetric Eigenvalue Problem, ch. 7
// and 8). Order of sums is fixed: the same bits on every machine.
//
// Cost for n rows: some 4/3 n³ products for values alone, 5 n³ with all vectors; n = 576 takes some 0.1 s and 0.4 s.
// Errors of values are within some 1e-15 n of the largest. Tested by test/unit/dialects/SymmetricEigenTest.cpp.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_SYMMETRICEIGEN_H
#define LMOPT_DIALECTS_LM_WEIGHTS_SYMMETRICEIGEN_H

#include "dialects/lm/weights/LeastSquares.h"

namespace lmopt::lm {

/// Descending; empty when the matrix has a number that is not finite.
std::vector<double> eigenvalues(SquareMatrix matrix);

struct Eigenpairs {
  std::vector<double> values;  ///< all, descending; empty when the matrix has a number that is not finite
  std::vector<double> vectors; ///< [count, n]: row i belongs to values[i]; of length 1, orthogonal to each other
};

/// The vectors of the `count` greatest values.
Eigenpairs eigenpairs(SquareMatrix matrix, int64_t count);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_SYMMETRICEIGEN_H
