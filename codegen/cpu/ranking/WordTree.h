// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A softmax by a binary tree of words: its tables, and the kernels for all logits and for the score of one word. See
// WordTree.cpp for how and why. Tested by test/unit/codegen/WordTreeKernelTest.cpp and
// test/codegen/run-compiled/trees.mlir.
#ifndef LMOPT_CODEGEN_CPU_RANKING_WORDTREE_H
#define LMOPT_CODEGEN_CPU_RANKING_WORDTREE_H

#include "codegen/cpu/linear/LinearSpec.h"
#include "dialects/lm/LmDialect.h"

namespace lmopt::cpu {

/// A tree, packed, i32: [M] left sides, [M] right ones (a word, or a node as N + its number), [N + 1] where the way to
/// each word begins, the ways: from the root on, 2 * node + (0 left, 1 right). Each list at a multiple of 64 bytes.
struct TreeTables {
  int64_t nodes = 0, steps = 0; ///< steps: of all ways together

  int64_t words() const { return nodes + 1; }
  int64_t rightOffset() const { return floatRowBytes(nodes); }
  int64_t beginOffset() const { return 2 * floatRowBytes(nodes); }
  int64_t stepOffset() const { return beginOffset() + floatRowBytes(words() + 1); }
  int64_t bytes() const { return stepOffset() + floatRowBytes(steps); }
};

TreeTables treeTables(lm::WordTreeAttr tree);
/// `out` is zero and has the tables' bytes.
void packWordTree(lm::WordTreeAttr tree, std::vector<char> &out);

struct TreeLogitsSpec {
  TreeTables tables;
  int64_t outStride = 0; ///< bytes from one row of results to the next

  /// Of a thread: what a node adds to its left side; the logarithms of words, then of nodes.
  int64_t logOffset() const { return floatRowBytes(tables.nodes); }
  int64_t scratchBytes() const { return logOffset() + floatRowBytes(tables.words() + tables.nodes); }
};

/// Scores in padded rows.
/// (scores, tables, out, scratch, rowBegin, rowEnd)
std::string treeLogitsKernel(KernelLibrary &kernels, const TreeLogitsSpec &spec);

struct TreeScoreSpec {
  LinearSpec exact; ///< the product that makes the scores of nodes
  TreeTables tables;
  int64_t outStride = 0;

  /// Of a thread: scores of a row of nodes, as far as they were computed; what 16 of them add to their left sides.
  int64_t leftOffset() const { return floatRowBytes(tables.nodes); }
  int64_t scratchBytes() const { return leftOffset() + 64; }
};

/// `targets`: i32, a word for each row.
/// (in, weights, tables, targets, out, scratch, rowBegin, rowEnd)
std::string treeScoreKernel(KernelLibrary &kernels, const TreeScoreSpec &spec);

} // namespace lmopt::cpu

#endif
