// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which numbers of a matrix become zero, and what the others become then: plain C++ without MLIR. `#lm.sparsify` has
// the formulas. From techniques 7.4 and 7.5; Frantar and Alistarh 2023 (SparseGPT), with the factor of FittedRounding.h
// in the place of that of the inverse. In a fixed order, the same bits on every machine. Cost for n columns: n² a row,
// with blocks of several rows also n³/6 for each R of them. Tested by test/unit/dialects/SparsityTest.cpp.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_SPARSITY_H
#define LMOPT_DIALECTS_LM_WEIGHTS_SPARSITY_H

#include "dialects/lm/weights/FittedRounding.h"

namespace lmopt::lm {

/// What is zero or not as a whole, and how much of it becomes zero.
struct Sparsity {
  double ratio;
  int64_t blockRows = 1, blockColumns = 1;
  int64_t group = 0; ///< of so many neighbours of a row, round(ratio * group); 0: of the whole matrix
};

/// Zeroes what is least in magnitude.
void zeroLeast(float *weights, int64_t rows, int64_t columns, const Sparsity &sparsity);

/// Zeroes what costs least by the moments, and lets the rest make up for it. The feedback is that of the moments and
/// the damping, columns in their own order. False when the moments are too near to singular for the damping, or a
/// result is not finite.
bool zeroFitted(float *weights, int64_t rows, const Sparsity &sparsity, const Feedback &feedback,
                const SquareMatrix &moments, double damping);

/// Blocks in which a number is not zero.
int64_t countBlocks(const int8_t *codes, int64_t rows, int64_t columns, int64_t blockRows, int64_t blockColumns);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_SPARSITY_H
