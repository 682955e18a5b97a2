// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What experts add, fitted so that they make up for those that a row does not use.
//
// In: the products of a block, rows (BlockRows.h), clusters with their router, how many each row uses. Out: numbers to
// add to what each neuron adds, a row of shifts for each expert, and the error on rows that were not fitted to.
//
// For a row x with the chosen clusters S, z is what their neurons give (0 for all others) and 1 for each of S; what the
// others would have added is t = sum over the others of a_i w_i. The repair D minimises sum |t - D z|² + d |D|² over
// the rows to fit to: closed form, towards the block as it was, where the rows say nothing. d is the one of a few that
// does best on the rows to judge by; the greatest moves shifts alone. With one cluster for a row this is a problem for
// each leaf by itself. From techniques 6.4 (iv). Cost: Ridge.h with neurons + experts features. Tested by
// test/unit/passes/SplitBlockTest.cpp.
#ifndef LMOPT_PASSES_SPLITFFN_FITREPAIR_H
#define LMOPT_PASSES_SPLITFFN_FITREPAIR_H

#include "passes/split-ffn/LeftOut.h"

namespace lmopt::lm {

struct Repair {
  std::vector<float> values; ///< [neurons in the order of the clusters, outputs]; empty: shifts alone
  std::vector<float> shifts; ///< [experts, outputs]
  double error = 0;          ///< sqrt(sum of squares of what is lost / of the results' distance from their mean)
};

/// Nothing where numbers are not finite.
std::optional<Repair> fitRepair(const BlockProducts &products, const BlockRows &rows, const NeuronClusters &clusters,
                                int64_t count);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_SPLITFFN_FITREPAIR_H
