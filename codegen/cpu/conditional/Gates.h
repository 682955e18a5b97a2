// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gates: which experts a token uses, by a tree of hyperplanes (lm.tree_gates) or by scores (lm.top_gates).
// Tested by test/unit/codegen/ExpertsKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_CONDITIONAL_GATES_H
#define LMOPT_CODEGEN_CPU_CONDITIONAL_GATES_H

#include "codegen/cpu/conditional/NeuronTree.h"
#include "codegen/cpu/linear/LinearSpec.h"

#include <string>

namespace lmopt::cpu {

/// One leaf a token: a walk down the tree, whose neurons add nothing.
struct TreeGatesSpec {
  DescentSpec descent;
  int64_t outStride = 0;
  int64_t leaves() const { return int64_t{1} << descent.levels; }
};
/// (in, weights, out, scratch, rowBegin, rowEnd)
std::string treeGatesKernel(KernelLibrary &kernels, const TreeGatesSpec &spec);

/// Several leaves a token: all products, then the leaves of least cost.
struct SeveralGatesSpec {
  LinearSpec nodes; ///< their products, into padded rows
  int64_t count = 0;
  bool tieRight = false;
  int64_t outStride = 0;
  int64_t leaves() const { return nodes.outputs + 1; }
  // Scratch: the products of a row; costs of all nodes; keys of leaves.
  int64_t costOffset() const { return floatRowBytes(nodes.outputs); }
  int64_t keyOffset() const { return costOffset() + floatRowBytes(2 * leaves()); }
  int64_t scratchBytes() const { return keyOffset() + floatRowBytes(leaves()); }
};
/// (in, weights, out, scratch, rowBegin, rowEnd), weights as those of a linear
std::string severalGatesKernel(KernelLibrary &kernels, const SeveralGatesSpec &spec);

/// The greatest scores.
struct TopGatesSpec {
  enum class Softmax { Chosen, All, None };
  int64_t experts = 0, count = 0;
  Softmax softmax = Softmax::Chosen;
  int64_t outStride = 0;
  // Scratch: keys of all; numbers and scores of the chosen.
  int64_t chosenOffset() const { return floatRowBytes(experts); }
  int64_t scoreOffset() const { return chosenOffset() + floatRowBytes(count); }
  int64_t scratchBytes() const { return scoreOffset() + floatRowBytes(count); }
};
/// (scores, out, scratch, rowBegin, rowEnd)
std::string topGatesKernel(KernelLibrary &kernels, const TopGatesSpec &spec);

} // namespace lmopt::cpu

#endif
