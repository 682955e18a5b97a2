// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where an adaptive softmax is cut into a head and clusters. In: how often words come, the most frequent first; what a
// product of so many rows costs. Out: the cuts of least expected cost. Grave et al., Efficient softmax approximation
// for GPUs (ICML 2017), section 4; techniques 5.3. Tested by test/unit/passes/CutsTest.cpp.
#ifndef LMOPT_PASSES_FACTORIZESOFTMAX_CUTS_H
#define LMOPT_PASSES_FACTORIZESOFTMAX_CUTS_H

#include <cstdint>
#include <vector>

namespace lmopt::lm {

/// Cost of a product for one token, in rows of the matrix: `call` for the product itself, then the rows, of which fewer
/// than `flat` cost as much as `flat`. Figures of a machine: `bench-kernels --benchmark_filter=head_cost`.
struct ProductCost {
  double call = 0, flat = 0;

  double operator()(double rows) const { return call + (rows > flat ? rows : flat); }
};

struct Cuts {
  std::vector<int64_t> begins; ///< of the clusters, ascending; the first is the number of words in the head
  double cost = 0;             ///< of a step, in rows

  int64_t count() const { return static_cast<int64_t>(begins.size()); }
};

/// The best cuts for so many clusters, fewer than there are words:
///     F_0(V) = 0,  F_j(v) = min over u > v of P(v..u) g(u - v) + F_{j-1}(u),  cost = g(head + J) + F_J(head)
/// `mass` are probabilities of words in descending order. All cuts are tried where there are up to 2048 words, that
/// many in a geometric row otherwise. Of equal costs the first cuts.
Cuts bestCuts(const std::vector<double> &mass, int64_t clusters, ProductCost cost);

/// The best of 1 to `most` clusters.
Cuts bestCutsOfAny(const std::vector<double> &mass, int64_t most, ProductCost cost);

/// The cost of given cuts.
double costOfCuts(const std::vector<double> &mass, const std::vector<int64_t> &begins, ProductCost cost);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FACTORIZESOFTMAX_CUTS_H
