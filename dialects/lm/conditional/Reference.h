// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The meaning of dialects/lm/conditional/Conditional.td as plain functions; a bias may be null.
// Tested by test/dialects/lm/conditional.

#ifndef LMOPT_DIALECTS_LM_CONDITIONAL_REFERENCE_H
#define LMOPT_DIALECTS_LM_CONDITIONAL_REFERENCE_H

#include "dialects/lm/Kinds.h"
#include "dialects/lm/interpreter/Values.h"

#include <string_view>

namespace lmopt::lm::reference {

/// Trees of neurons that stand one behind the other; what a neuron is multiplied with and what it adds.
struct NeuronTrees {
  int64_t trees, levels;
  Weight weight, values;
  const float *bias;
  Activation kind;
  bool tieRight;
  const Weight *narrow; ///< what numbers are taken from in the place of those that decide, or null
};
Tensor neuronTree(const Tensor &x, const NeuronTrees &trees);

/// What it costs to end at each leaf of a tree of so many nodes, whose numbers are `a`: nodes from the root on hand
/// down what their way has cost.
std::vector<float> leafCosts(const float *a, int64_t nodes, bool tieRight);
/// The numbers 0, 1, ... by a key, the least first, NaN behind all; of equal keys the smaller number.
std::vector<int64_t> ascending(const std::vector<float> &keys);

/// 1 at the `count` leaves of least cost, 0 elsewhere.
Tensor treeGates(const Tensor &x, const Weight &weight, const float *bias, int64_t count, bool tieRight);

/// `softmax`: "chosen", "all" or "none".
Tensor topGates(const Tensor &scores, int64_t count, std::string_view softmax);

struct Experts {
  Weight weight, values;
  const float *bias, *up, *valuesBias; ///< up: a matrix like `weight`
  Activation kind;
};
Tensor experts(const Tensor &x, const Tensor &gates, const Experts &experts);

/// The matrices in codes; `values` has the rows of each expert's outputs.
struct GroupedExperts {
  Weight weight, values;
  const Weight *up; ///< or null
  Activation kind;
};
Tensor groupedExperts(const Quantized &x, const Tensor &gates, const GroupedExperts &experts);

/// The rows of the weight whose number in x is not zero.
Tensor nonzeroLinear(const Tensor &x, const Weight &weight, const float *bias);

} // namespace lmopt::lm::reference

#endif // LMOPT_DIALECTS_LM_CONDITIONAL_REFERENCE_H
