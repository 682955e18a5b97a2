// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The softmax by a binary tree of words on GPUs: all logits.
//
//   tree_logits   each row: the sum of log sigmoid(+-score) on the way to each word    grid (words / 256, rows)
//
// A thread has a word and adds from the root on, as CPUs do: the same bits. It finds the logarithm of each node on its
// way anew, 20 of them or so; blocks share scores through the caches. One word alone: TreeScore.h.
//
// In: scores [rows][nodes] f32, padded; tables of cpu/ranking/WordTree.h. Out: logits. From techniques 5.5. Tested by
// test/unit/codegen/ptx/TreeLogitsTest.cpp and test/tools/lmopt/device-scores.sh.
#ifndef LMOPT_CODEGEN_PTX_RANKING_TREELOGITS_H
#define LMOPT_CODEGEN_PTX_RANKING_TREELOGITS_H

#include "codegen/cpu/ranking/WordTree.h"
#include "codegen/ptx/KernelLibrary.h"

namespace lmopt::nvptx {

/// (scores, tables, logits). `outStride`: bytes from one row of logits to the next.
std::string treeLogitsKernel(KernelLibrary &kernels, const cpu::TreeTables &tables, int64_t outStride);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_RANKING_TREELOGITS_H
