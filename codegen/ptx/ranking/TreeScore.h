// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The score of one word by a binary tree on GPUs, as scoring of texts wants it: what lm.tree_logits has for that word.
//
//   tree_score   each row: goes the way to its word from the root on    grid (rows), 8 warps
//
// A block has a row. The tile of 16 nodes that holds the next one is multiplied by the body of the whole product for
// few rows (LinearDecode.h, GroupedDecode.h), for this row alone, unless it is the tile of the node before; its scores
// stay in shared memory. So the numbers are those of all logits of few rows, bit for bit, in each format: of codes and
// groups the CPU's. A way of 10 to 20 nodes reads as many tiles at most, one after another (assumed: 3 us each from the
// second-level cache), where all logits of 512 rows multiply all nodes and go all ways: of 49152 words 0.4 billion
// logarithms, and 200 MB of scores and logits.
//
// In: rows of the head's input, packed nodes, tables of cpu/ranking/WordTree.h, a word for each row. Out: a number for
// each row. From techniques 5.5. Tested by test/unit/codegen/ptx/TreeScoreTest.cpp, test/codegen/ptx/score.mlir,
// test/tools/lmopt/device-scores.sh.
#ifndef LMOPT_CODEGEN_PTX_RANKING_TREESCORE_H
#define LMOPT_CODEGEN_PTX_RANKING_TREESCORE_H

#include "codegen/cpu/ranking/WordTree.h"
#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/linear/Fragments.h"

namespace lmopt::nvptx {

struct TreeScoreSpec {
  LinearSpec exact; ///< the product that makes the scores of nodes
  cpu::TreeTables tables;
  int64_t outStride = 0; ///< bytes from one row of results to the next: a number, then zeros
};

/// (weights, rows and what belongs to codes (linearArguments), tables, targets i32 [rows], results)
std::string treeScoreKernel(KernelLibrary &kernels, const TreeScoreSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_RANKING_TREESCORE_H
