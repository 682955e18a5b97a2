// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Binary trees of words. In: how often words come, or the rows of the head and how often. Out: the sides of each node,
// as #lm.word_tree has them. From techniques 5.5; Mnih and Hinton, A scalable hierarchical distributed language model
// (2008), for trees by direction. Deterministic. Tested by test/unit/passes/WordTreeTest.cpp.
#ifndef LMOPT_PASSES_FACTORIZESOFTMAX_WORDTREE_H
#define LMOPT_PASSES_FACTORIZESOFTMAX_WORDTREE_H

#include "mlir/IR/MLIRContext.h"

#include <cstdint>
#include <vector>

namespace lmopt::lm {

/// A word by its id, a node by the number of words + its own; parents come first.
struct WordTree {
  std::vector<int64_t> left, right;

  int64_t nodes() const { return static_cast<int64_t>(left.size()); }
  int64_t words() const { return nodes() + 1; }
  /// How many nodes are on the way to each word.
  std::vector<int64_t> depths() const;
};

/// Huffman's tree: the two of least count together, again and again. At least two words. Of equal counts words first,
/// then what came first.
WordTree treeByFrequency(const std::vector<double> &counts);

/// Words that point in the same direction together: halves of equal mass along the axis in which the rows of a part
/// differ most (some steps of the power method), so that ways are about as short as Huffman's. At least two words; rows
/// of `width`.
WordTree treeByDirection(mlir::MLIRContext *context, const float *rows, int64_t width,
                         const std::vector<double> &counts);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FACTORIZESOFTMAX_WORDTREE_H
