// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The softmax by a binary tree of words on GPUs, and logits of words that are known.
//
//   tree_logits   each row: the sum of log sigmoid(+-score) on the way to each word    grid (words / 256, rows)
//   pick_logits   each row: the logit of its target                                    grid (rows / 256)
//
// A thread has a word and adds from the root on, as CPUs do: the same bits. It finds the logarithm of each node on its
// way anew, 20 of them or so; blocks share scores through the caches. "score" of the plan spares products of nodes that
// are on no way; here all are multiplied, since a way is not worth a launch: the entry is that of prompts, then a pick.
//
// In: scores [rows][nodes] f32, padded; tables of cpu/ranking/WordTree.h. Out: logits. From techniques 5.5. Tested by
// test/unit/codegen/ptx/TreeLogitsTest.cpp and test/tools/lmopt/device-scores.sh.
#ifndef LMOPT_CODEGEN_PTX_RANKING_TREELOGITS_H
#define LMOPT_CODEGEN_PTX_RANKING_TREELOGITS_H

#include "codegen/cpu/ranking/WordTree.h"
#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/Launch.h"

namespace lmopt::nvptx {

/// (scores, tables, logits). `outStride`: bytes from one row of logits to the next.
std::string treeLogitsKernel(KernelLibrary &kernels, const cpu::TreeTables &tables, int64_t outStride);

/// (logits [rows][vocabulary], targets, output rows, results [rows], rows)
std::string pickLogitsKernel(KernelLibrary &kernels, int64_t vocabulary);

/// Bytes of the arena that "score" needs for logits of as many rows as a prompt's step has.
int64_t scoreBytes(plan::ProgramOp prefill);
/// Makes the launches of prompts those of "score" (lmopt/abi.h), whose logits lie there in the arena.
void addScoreLaunches(plan::ProgramOp prefill, int64_t logitsOffset, KernelLibrary &kernels,
                      std::vector<Launch> &launches);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_RANKING_TREELOGITS_H
