// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scores of the nodes of a tree of words, fitted to a dense head. In: what the head read, the head, the tree. Out: a
// matrix V, b with a row for each node, log sigmoid of whose products is as near as it can be to what the dense head
// says of the node's sides.
//
// Node n decides between what is on its left and what is on its right: log(p(left) / p(right)) = s_n. V is the ridge
// regression of that over the rows of the text, one factorization for all nodes (techniques 5.5). It is not linear in
// what the head reads, so the errors of a way add up: KL(p(w | h) || tree) = sum over nodes of the probability to get
// there times KL of the decision, which is what `fitted` and `heldOut` are means of. Order of sums is fixed. Tested by
// test/unit/passes/WordTreeTest.cpp and test/unit/models/TreeSoftmaxTest.cpp.
#ifndef LMOPT_PASSES_FACTORIZESOFTMAX_TREEHEAD_H
#define LMOPT_PASSES_FACTORIZESOFTMAX_TREEHEAD_H

#include "passes/factorize-softmax/ClassHead.h"
#include "passes/factorize-softmax/WordTree.h"

namespace lmopt::lm {

/// A row for each node. Nothing when what the head read is not finite or has no second moments to speak of.
std::optional<ClassHead> fitTreeHead(mlir::MLIRContext *context, const HeadRows &rows, const PanelMatrix &words,
                                     const std::vector<float> &bias, const WordTree &tree);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FACTORIZESOFTMAX_TREEHEAD_H
