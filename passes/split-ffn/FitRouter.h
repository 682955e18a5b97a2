// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What rows tell of who gives something: which neurons belong together, and a router that tells it from a row.
//
// In: the products of a block, rows to fit to. Out: of each neuron what it gives row by row, for clusters of those that
// give something together (their co-activation); and for clusters, rows of the router and a bias for each, by ridge
// regression of what a cluster gives, the root of sum (a_i - mean)² |w_i|² over its neurons (w_i: what neuron i adds):
// of a linear for each cluster, of a tree for each node what its right half gives more than its left half. From
// techniques 6.4 (i to iii). Tested by test/unit/passes/SplitBlockTest.cpp.
#ifndef LMOPT_PASSES_SPLITFFN_FITROUTER_H
#define LMOPT_PASSES_SPLITFFN_FITROUTER_H

#include "passes/split-ffn/BlockRows.h"
#include "passes/split-ffn/DenseBlock.h"

namespace lmopt::lm {

/// [neurons, rows]: how much each neuron gives, |a_i| |w_i|, on some of the rows to fit to.
std::vector<float> firingProfiles(const BlockProducts &products, const BlockRows &rows);

/// False when the rows are not finite enough to tell: the router is what it was.
bool fitRouter(const BlockProducts &products, const BlockRows &rows, NeuronClusters &clusters);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_SPLITFFN_FITROUTER_H
