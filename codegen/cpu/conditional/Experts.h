// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Feed-forward layers side by side (lm.experts): how their weights lie, what the kernel keeps meanwhile, the kernel.
//
//   for each expert: the product with what its neurons are multiplied with, as LinearSpec has it; that of `up`, if any;
//   the product with what they add
//
// Tested by test/unit/codegen/ExpertsKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_CONDITIONAL_EXPERTS_H
#define LMOPT_CODEGEN_CPU_CONDITIONAL_EXPERTS_H

#include "codegen/cpu/linear/LinearSpec.h"
#include "dialects/lm/Kinds.h"

#include <string>

namespace lmopt::cpu {

struct ExpertsSpec {
  int64_t experts = 0, neurons = 0, inputs = 0, outputs = 0; ///< neurons of one expert
  bool bias = false, up = false, valuesBias = false;
  Activation kind = Activation::Gelu;
  int64_t outStride = 0;
  int64_t mostTokens = 512; ///< of a block
  bool streams = false;     ///< results are more than caches keep and each is made by one expert

  /// Tokens of an expert that are computed together: as many tiles as make its weights' way from the second-level cache
  /// short, and few enough that their rows stay there.
  static constexpr int64_t kTogether = 64;

  LinearSpec first() const { return {neurons, inputs, WeightFormat::F32, bias, floatRowBytes(neurons)}; }
  LinearSpec second() const { return {neurons, inputs, WeightFormat::F32, false, floatRowBytes(neurons)}; }
  LinearSpec last() const { return {outputs, neurons, WeightFormat::F32, valuesBias, floatRowBytes(outputs)}; }
  int64_t upOffset() const { return roundUp(first().bytes(), 64); }
  int64_t lastOffset() const { return upOffset() + (up ? roundUp(second().bytes(), 64) : 0); }
  int64_t expertBytes() const { return lastOffset() + roundUp(last().bytes(), 64); }
  int64_t bytes() const { return experts * expertBytes(); }

  // Scratch: where the tokens of each expert end; the tokens of one after the other (and what is read behind the last);
  // which rows of the block are made; of those that are computed
  // together their rows, numbers, numbers of `up`, and results.
  int64_t tokensOffset() const { return roundUp(4 * (experts + 1), 64); }
  int64_t madeOffset() const { return tokensOffset() + roundUp(4 * (mostTokens * experts + kTogether), 64); }
  int64_t rowsOffset() const { return madeOffset() + roundUp(4 * mostTokens, 64); }
  int64_t numbersOffset() const { return rowsOffset() + kTogether * floatRowBytes(inputs); }
  int64_t upNumbersOffset() const { return numbersOffset() + kTogether * floatRowBytes(neurons); }
  int64_t resultsOffset() const { return upNumbersOffset() + (up ? kTogether * floatRowBytes(neurons) : 0); }
  int64_t scratchBytes() const { return resultsOffset() + kTogether * floatRowBytes(outputs); }
};

/// (in, gates, weights, out, scratch, rowBegin, rowEnd)
std::string expertsKernel(KernelLibrary &kernels, const ExpertsSpec &spec);

} // namespace lmopt::cpu

#endif
