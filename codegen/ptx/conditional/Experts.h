// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Feed-forward layers side by side for GPUs (lm.experts), of which each row uses those whose gate is not zero. In: rows
// and gates of f32, neurons expert after expert (NeuronRows.h). Out: rows of f32.
//
// Two kernels. The first makes what the neurons of used experts give, a block for 32 neurons of an expert and a row, a
// warp for some of them; blocks of other experts end at once. The second adds up what they are worth, a block for 32
// columns and a row. Each result is one sum in a fixed order, whatever other rows a step has; the weights of an expert
// are read for each row that uses it (from the second-level cache, where rows are many). Source: techniques 7.5, ptx.md
// 2. Tested by test/unit/codegen/ptx/ExpertsTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_CONDITIONAL_EXPERTS_H
#define LMOPT_CODEGEN_PTX_CONDITIONAL_EXPERTS_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/conditional/NeuronRows.h"
#include "codegen/ptx/conditional/RowProducts.h"

namespace lmopt::nvptx {

struct ExpertsSpec {
  NeuronRows rows; ///< `added`: one for each expert, or none
  int64_t experts = 1;
  Activation kind = Activation::Gelu;

  static constexpr int64_t kThreads = 256, kNeurons = 32;    ///< of a block of the first kernel
  int64_t neurons() const { return rows.neurons / experts; } ///< of one
  int64_t hiddenBlocks() const { return experts * blocksOfExpert(); }
  int64_t blocksOfExpert() const { return (neurons() + kNeurons - 1) / kNeurons; }
  int64_t resultBlocks() const { return ColumnSums::blocksOf(rowBytes(rows.outputs, 4) / 4); }
  /// What neurons give, between the kernels.
  int64_t hiddenBytes() const { return rowBytes(rows.neurons, 4); }
};

/// (rows, gates, weights, hidden [rows]). hiddenBlocks along x, rows along y.
std::string expertsHiddenKernel(KernelLibrary &kernels, const ExpertsSpec &spec);
/// (gates, weights, hidden, results). resultBlocks along x, rows along y.
std::string expertsResultKernel(KernelLibrary &kernels, const ExpertsSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_CONDITIONAL_EXPERTS_H
