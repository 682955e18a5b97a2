// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gates for GPUs: which experts a token uses, by a tree of hyperplanes (lm.tree_gates) or by scores (lm.top_gates). In:
// rows of f32; hyperplanes as neurons that add nothing (NeuronRows.h). Out: rows of f32, zero where an expert is not
// chosen. A block of threads has a row. Source: techniques 6.2, 7.5, ptx.md 2. Tested by
// test/unit/codegen/ptx/GatesTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_CONDITIONAL_GATES_H
#define LMOPT_CODEGEN_PTX_CONDITIONAL_GATES_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/conditional/NeuronRows.h"

#include <algorithm>

namespace lmopt::nvptx {

struct TreeGatesSpec {
  NeuronRows nodes;
  int64_t levels = 0, count = 1;
  bool tieRight = false;

  int64_t leaves() const { return int64_t{1} << levels; }
  /// One leaf: a warp walks. All: nothing is to be found out. Several: all numbers, then costs of all leaves.
  bool several() const { return count > 1 && count < leaves(); }
  int64_t threads() const { return several() ? 256 : 32; }
  // Shared memory: numbers of nodes, keys of leaves, a place for each thread.
  int64_t keysOffset() const { return 4 * leaves(); }
  int64_t spareOffset() const { return 8 * leaves(); }
  int64_t sharedBytes() const { return several() ? spareOffset() + 4 * threads() : 0; }
  /// More would not fit in shared memory, and each leaf is compared with each.
  static constexpr int64_t kMostLeaves = 2048;
};
/// (rows, weights, results). A block for each row.
std::string treeGatesKernel(KernelLibrary &kernels, const TreeGatesSpec &spec);

struct TopGatesSpec {
  enum class Softmax { Chosen, All, None };
  int64_t experts = 0, count = 0;
  Softmax softmax = Softmax::Chosen;

  int64_t threads() const { return std::min<int64_t>(roundUp(experts, 32), 256); }
  // Shared memory: keys, ranks, terms of the softmax; the greatest score.
  int64_t ranksOffset() const { return 4 * experts; }
  int64_t termsOffset() const { return 8 * experts; }
  int64_t greatestOffset() const { return 12 * experts; }
  int64_t sharedBytes() const { return greatestOffset() + 4; }
  static constexpr int64_t kMostExperts = 2048;
};
/// (scores, results). A block for each row.
std::string topGatesKernel(KernelLibrary &kernels, const TopGatesSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_CONDITIONAL_GATES_H
