// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whether experts are faster than the block that they are made of: multiply-adds for a row, at what each costs compared
// with one of a dense product. In: sizes. Out: both costs. Tested by test/passes/split-ffn/must-not-fire.mlir.
#ifndef LMOPT_PASSES_SPLITFFN_SPLITCOST_H
#define LMOPT_PASSES_SPLITFFN_SPLITCOST_H

#include <cmath>
#include <cstdint>

namespace lmopt::lm {

// Estimates from how the kernels work, to be replaced by what bench-cmm measures on one core.

/// A multiply-add of an expert: fewer tokens share what is read of its weights, the last tile of them is not full.
inline constexpr double kExpertProduct = 1.3;
/// A number that is brought to an expert (its inputs) or added to the result (its outputs).
inline constexpr double kMovedNumber = 2;
/// A score that is compared, a gate that is written and looked at.
inline constexpr double kGate = 16;
/// A multiply-add of a node of a tree on the way to one leaf: a row read for one token alone.
inline constexpr double kNodeProduct = 2;

struct SplitSizes {
  int64_t width, neurons, outputs; ///< K, f, M
  int64_t inputMatrices;           ///< 2 of a gated block
  int64_t experts, count;
  bool isTree;
};

inline double denseCost(const SplitSizes &s) {
  return double(s.neurons) * double(s.inputMatrices * s.width + s.outputs);
}

inline double routerCost(const SplitSizes &s) {
  if (s.isTree && s.count == 1)
    return kNodeProduct * std::log2(double(s.experts)) * double(s.width) + double(s.experts);
  return double(s.experts) * (double(s.width) + kGate);
}

inline double splitCost(const SplitSizes &s) {
  double used = double(s.count) / double(s.experts);
  return used * kExpertProduct * denseCost(s) + kMovedNumber * double(s.count) * double(s.width + s.outputs) +
         routerCost(s);
}

} // namespace lmopt::lm

#endif // LMOPT_PASSES_SPLITFFN_SPLITCOST_H
