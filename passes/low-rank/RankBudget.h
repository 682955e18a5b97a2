// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which rank each of several matrices gets when they share a budget of products. In: squared singular values. Out:
// ranks. Plain C++, without MLIR.
//
// A matrix [m, n] of rank r costs r (m + n) products and loses the squares behind r, as a share of their sum; whole, it
// costs m n and loses nothing. Of all these points the lower convex hull is walked, of all matrices together, where
// most error goes for a product, until the budget is used: what is found is optimal for the budget that it uses
// (Lagrange), as the last step of each hull is dearer than all before it. From techniques 8.1. Tested by
// test/unit/passes/RankBudgetTest.cpp.
#ifndef LMOPT_PASSES_LOWRANK_RANKBUDGET_H
#define LMOPT_PASSES_LOWRANK_RANKBUDGET_H

#include <cstdint>
#include <vector>

namespace lmopt::lm {

struct Spectrum {
  int64_t rows, width;
  std::vector<double> powers; ///< squared singular values, descending
};

/// Whether two factors of that rank cost less than the matrix.
bool rankPays(int64_t rows, int64_t width, int64_t rank);

/// A rank for each, a multiple of `multiple`, or 0 for one that stays whole, so that at least `ratio` of all products
/// goes. Empty when even the least ranks cost more. Each has a rank that pays.
std::vector<int64_t> allocateRanks(const std::vector<Spectrum> &spectra, double ratio, int64_t multiple);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_LOWRANK_RANKBUDGET_H
