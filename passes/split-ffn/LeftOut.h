// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a feed-forward block loses when only some clusters of its neurons are computed.
//
// In: its products, rows of what it reads (BlockRows.h), the clusters, how many of them each row uses. Out: how much of
// each neuron is left out, and the error of the result. Cost: the rows through the block, twice through its last
// matrix. Tested by test/passes/split-ffn.
#ifndef LMOPT_PASSES_SPLITFFN_LEFTOUT_H
#define LMOPT_PASSES_SPLITFFN_LEFTOUT_H

#include "passes/split-ffn/BlockRows.h"
#include "passes/split-ffn/DenseBlock.h"

namespace lmopt::lm {

struct LeftOut {
  std::vector<double> share;   ///< of the sum of |a|, for each neuron
  std::vector<double> squares; ///< of the sum of a²
  double firing = 0;           ///< share of the first matrix's results that are positive, bias included
  double error = 0;            ///< sqrt(lost / all) of the variance of the results
  double plainError = 0;       ///< the same when nothing takes up the mean of what is lost
};

/// On the rows to judge by.
LeftOut findLeftOut(const BlockProducts &products, const BlockRows &rows, const NeuronClusters &clusters,
                    int64_t count);

/// Of rows of results: what their variance is made of.
struct Spread {
  std::vector<double> sums;
  double squares = 0;
  int64_t rows = 0;

  explicit Spread(int64_t width) : sums(static_cast<size_t>(width)) {}
  void add(const std::vector<float> &results);
  /// The sum of squares of their distance from their mean.
  double variance() const;
};

/// Who is chosen for each of some rows: `count` numbers of clusters for each.
class Router {
public:
  Router(const NeuronClusters &clusters, int64_t width)
      : clusters(clusters), weight(clusters.router.data(), clusters.routerRows(), width) {}

  std::vector<std::vector<int64_t>> choose(const float *rows, int64_t number, int64_t count) const;

private:
  const NeuronClusters &clusters;
  PanelMatrix weight;
};

} // namespace lmopt::lm

#endif // LMOPT_PASSES_SPLITFFN_LEFTOUT_H
