// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The numbers between two matrices whose product is all that counts, exchanged for fewer: plain C++ in f64, without
// MLIR. For P [p, d] and Q [d, n], what P Q loses measured before and behind,
//     X = sum over the heads of Pᵀ C_p P,   Y = Q C_q Qᵀ   [d, d],       X = L Lᵀ
// the nearest product of rank r is P F G Q with U the eigenvectors of Lᵀ Y L, values Z²:
//     F = L^-T U_r Z_r^1/2   [d, r]        G = Z_r^-1/2 U_rᵀ Lᵀ   [r, d]
// and loses the sum over i > r of Z[i]². (The left singular vectors of L_pᵀ P Q L_q are L_pᵀ P L^-T U.) Several P that
// share one Q are one tall P. From techniques 8.2. Tested by test/unit/dialects/HeadProductsTest.cpp.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_HEADPRODUCTS_H
#define LMOPT_DIALECTS_LM_WEIGHTS_HEADPRODUCTS_H

#include "dialects/lm/weights/LeastSquares.h"

namespace lmopt::lm {

struct HeadMixing {
  std::vector<double> before; ///< Fᵀ [r, d]; empty when the moments are not finite or not positive definite
  std::vector<double> behind; ///< G [r, d]
  std::vector<double> powers; ///< Z², all d, descending
};

/// `damping`: the share of the mean of X's diagonal that is added to it.
HeadMixing mixHeads(SquareMatrix x, const SquareMatrix &y, double damping, int64_t rank);

/// The two matrices between which an attention's heads pass numbers on, as `#lm.reduced_heads` has them.
struct HeadMatrices {
  bool outputs = false; ///< first = W_O [width, heads d], second = W_V; else first = W_Q [heads d, n], W_K
  int64_t heads = 0, kvHeads = 0;
  int64_t width = 0;  ///< rows of W_O, n of W_Q
  int64_t inputs = 0; ///< n
  std::vector<double> first, second;
  std::vector<double> firstBias, secondBias; ///< zeros where there are none
};

/// Of the rows that the second matrix reads.
struct HeadInputs {
  const SquareMatrix &centred;
  const std::vector<double> &mean;
  int64_t count; ///< of the rows that `centred` is the sum of
};

struct ReducedHeads {
  std::vector<double> first, firstBias, second, secondBias; ///< empty: as for HeadMixing
  double kept = 0, all = 0;                                 ///< powers, of all heads
};

/// Both matrices with `rank` numbers a head. For `outputs` the first bias takes up what is lost of the mean.
ReducedHeads reduceHeads(const HeadMatrices &matrices, const HeadInputs &inputs, int64_t rank, double damping);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_HEADPRODUCTS_H
