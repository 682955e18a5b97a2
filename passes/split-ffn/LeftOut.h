// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a feed-forward block loses when only some clusters of its neurons are computed.
//
// In: its matrices, the mean and covariance of what it reads, the clusters, how many of them each row uses. Out: how
// much of each neuron is left out, and the error of the result. The file of statistics knows the moments of what the
// block reads and what each neuron gives, but not which neurons give something together and when a router would have
// chosen them; so rows are drawn from the normal distribution with the measured moments, and what is left out of these
// is looked at. The same rows in each run and on each machine: sums of 12 uniform numbers, which need no library.
// Cost: kRows rows through the block and width³/3 products for the root of the covariance. Tested by
// test/passes/split-ffn.
#ifndef LMOPT_PASSES_SPLITFFN_LEFTOUT_H
#define LMOPT_PASSES_SPLITFFN_LEFTOUT_H

#include "dialects/lm/Kinds.h"
#include "dialects/lm/weights/LeastSquares.h"
#include "passes/split-ffn/NeuronClusters.h"

#include <optional>

namespace lmopt::lm {

struct DenseBlock {
  NeuronRows first;                 ///< of a gated block the one that goes through the activation
  const float *firstBias = nullptr; ///< a number for each neuron, or null
  const float *up = nullptr;        ///< of a gated block, as large as the first; or null
  NeuronRows last;                  ///< a row for each result
  Activation kind;

  int64_t neurons() const { return first.count; }
  int64_t width() const { return first.width; }
};

/// Of what the block reads.
struct InputMoments {
  std::vector<double> mean;
  SquareMatrix covariance;
};

struct LeftOut {
  std::vector<double> share;   ///< of the sum of |a|, for each neuron
  std::vector<double> squares; ///< of the sum of a²
  double firing = 0;           ///< share of the first matrix's results that are positive, bias included
  double error = 0;            ///< sqrt(lost / all) of the variance of the results
  double plainError = 0;       ///< the same when nothing takes up the mean of what is lost
};

/// Rows that are drawn: shares are then known to some hundredths.
inline constexpr int64_t kRows = 1024;

/// Nothing where the moments are not finite.
std::optional<LeftOut> findLeftOut(const DenseBlock &block, InputMoments moments, const NeuronClusters &clusters,
                                   int64_t count);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_SPLITFFN_LEFTOUT_H
