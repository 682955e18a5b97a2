// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Trees of neurons for GPUs (lm.neuron_tree): y = sum over trees and levels of f(a_l) V[n_l]. In: rows of f32, neurons
// (NeuronRows.h). Out: rows of f32. A block of threads has a token: its warps walk down a tree each (Descent.h) and
// leave in shared memory which neurons add how much; then each thread adds up four columns, in the order of trees and
// levels. Source: techniques 6.1, 6.3, ptx.md 2. Tested by test/unit/codegen/ptx/NeuronTreeTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_CONDITIONAL_NEURONTREE_H
#define LMOPT_CODEGEN_PTX_CONDITIONAL_NEURONTREE_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/conditional/NeuronRows.h"
#include "dialects/lm/Kinds.h"

#include <algorithm>

namespace lmopt::nvptx {

struct NeuronTreeSpec {
  NeuronRows rows;
  int64_t trees = 1, levels = 0;
  Activation kind = Activation::Gelu;
  bool tieRight = false;

  int64_t nodes() const { return (int64_t{1} << levels) - 1; }
  int64_t warps() const { return std::min<int64_t>(trees, 8); }
  int64_t threads() const { return 32 * warps(); }
  /// Trees that are walked before what they found is added: as many as leave shared memory to other blocks.
  int64_t treesTogether() const { return std::min(trees, 2048 / levels); }
  static constexpr int64_t kVisitBytes = 8; ///< number of the neuron, and what its row is multiplied with
  int64_t mostVisits() const { return treesTogether() * levels; }
  int64_t sharedBytes() const { return (mostVisits() + threads()) * kVisitBytes; }
};

/// (rows, weights, results, trees). A block for each row. The number of trees is an argument, too, lest ptxas unroll
/// what is done for all of them, and run out of registers.
std::string neuronTreeKernel(KernelLibrary &kernels, const NeuronTreeSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_CONDITIONAL_NEURONTREE_H
