// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The meaning of dialects/lm/ranking/Ranking.td as a plain function; `bias` may be null.
// Tested by test/dialects/lm/ranking.

#ifndef LMOPT_DIALECTS_LM_RANKING_REFERENCE_H
#define LMOPT_DIALECTS_LM_RANKING_REFERENCE_H

#include "dialects/lm/interpreter/Values.h"

namespace lmopt::lm::reference {

/// The `count` greatest numbers of each row of x W^T + b; the others are -infinity.
Tensor topLinear(const Tensor &x, const Weight &weight, const float *bias, int64_t count);

/// Words, class after class, and how many each class has.
struct Classes {
  const int64_t *words, *sizes;
  int64_t count; ///< of classes
};

/// log p(word | its class) + log p(class) in the order of ids; z in the order of `classes`, without those of one word,
/// which come first, s a score a class.
Tensor classLogits(const Tensor &z, const Tensor &s, const Classes &classes);

/// x W^T + b where the preview is one of the `count` greatest of its row, the preview elsewhere.
Tensor previewLinear(const Tensor &x, const Weight &weight, const float *bias, const Tensor &preview, int64_t count);

/// The sides of each node of a tree of words: a word, or a node as the number of words + its own.
struct Tree {
  const int64_t *left, *right;
  int64_t nodes;
};
/// The logarithm of the probability of each word, from a score a node.
Tensor treeLogits(const Tensor &s, const Tree &tree);
/// That of one word for each row.
Result<Tensor> treeScore(const Tensor &s, const Tree &tree, const Tensor &targets);

/// What is not among the `count` greatest of its row becomes -infinity.
void keepGreatest(Tensor &y, int64_t count);

} // namespace lmopt::lm::reference

#endif // LMOPT_DIALECTS_LM_RANKING_REFERENCE_H
