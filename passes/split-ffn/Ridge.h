// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Least squares with a penalty, from rows that come a few at a time.
//
// In: rows of features z and of targets t, a penalty p for each feature. Out: D that minimises
//     sum |t - D z|² + sum p[i] D[:, i]²,  by the normal equations  D (sum z zᵀ + diag p) = sum t zᵀ
// in f64 with sums in a fixed order. Cost: features²/2 and targets x features products a row, features³/6 for each D.
// Tested by test/unit/passes/SplitBlockTest.cpp.
#ifndef LMOPT_PASSES_SPLITFFN_RIDGE_H
#define LMOPT_PASSES_SPLITFFN_RIDGE_H

#include "dialects/lm/weights/LeastSquares.h"

namespace lmopt::lm {

class Ridge {
public:
  Ridge(int64_t features, int64_t targets);

  /// As many rows of the one as of the other, one behind the other.
  void add(const std::vector<float> &features, const std::vector<float> &targets);
  /// Mean of sum z[i]² over the features from `first` to `end`.
  double meanSquares(int64_t first, int64_t end) const;
  /// D [targets, features]; nothing when the sums are not finite, or what is penalised too little is singular.
  std::optional<std::vector<float>> solve(const std::vector<double> &penalties) const;

private:
  int64_t targets;
  SquareMatrix squares;         ///< the lower half counts
  std::vector<double> products; ///< [targets, features]
};

} // namespace lmopt::lm

#endif // LMOPT_PASSES_SPLITFFN_RIDGE_H
