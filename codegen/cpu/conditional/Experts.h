// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Feed-forward layers side by side (lm.experts, lm.grouped_experts): how their weights lie, what the kernel keeps
// meanwhile, the kernel.
//
//   for each expert: the product with what its neurons are multiplied with, as LinearSpec has it; that of `up`, if any;
//   the product with what they add
//
// Tested by test/unit/codegen/ExpertsKernelTest.cpp and GroupedExpertsKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_CONDITIONAL_EXPERTS_H
#define LMOPT_CODEGEN_CPU_CONDITIONAL_EXPERTS_H

#include "codegen/cpu/linear/LinearSpec.h"
#include "codegen/cpu/rows/RowProgram.h"
#include "dialects/lm/Kinds.h"

#include <optional>
#include <string>

namespace lmopt::cpu {

/// The products of one expert with matrices of codes in groups; `second` counts with `up` only.
struct GroupedProducts {
  LinearSpec first, second, last;
};

struct ExpertsSpec {
  int64_t experts = 0, neurons = 0, inputs = 0, outputs = 0; ///< neurons of one expert
  bool bias = false, up = false, valuesBias = false;
  Activation kind = Activation::Gelu;
  int64_t outStride = 0;
  int64_t mostTokens = 512; ///< of a block
  bool streams = false;     ///< results are more than caches keep and each is made by one expert
  std::optional<GroupedProducts> grouped = std::nullopt; ///< none: matrices of f32

  /// Tokens of an expert that are computed together: as many tiles as make its weights' way from the second-level cache
  /// short, and few enough that their rows stay there.
  static constexpr int64_t kTogether = 64;

  LinearSpec first() const { return grouped ? grouped->first : floats(neurons, inputs, bias); }
  LinearSpec second() const { return grouped ? grouped->second : floats(neurons, inputs, false); }
  LinearSpec last() const { return grouped ? grouped->last : floats(outputs, neurons, valuesBias); }
  int64_t upOffset() const { return roundUp(first().bytes(), 64); }
  int64_t lastOffset() const { return upOffset() + (up ? roundUp(second().bytes(), 64) : 0); }
  int64_t expertBytes() const { return lastOffset() + roundUp(last().bytes(), 64); }
  int64_t bytes() const { return experts * expertBytes(); }

  // Scratch: where the tokens of each expert end; the tokens of one after the other (and what is read behind the last);
  // which rows of the block are made; of those that are computed together their rows, numbers, numbers of `up`,
  // results; of matrices of codes what the last product reads, and what making that takes.
  int64_t tokensOffset() const { return roundUp(4 * (experts + 1), 64); }
  int64_t madeOffset() const { return tokensOffset() + roundUp(4 * (mostTokens * experts + kTogether), 64); }
  int64_t rowsOffset() const { return madeOffset() + roundUp(4 * mostTokens, 64); }
  int64_t numbersOffset() const { return rowsOffset() + kTogether * first().inStride(); }
  int64_t upNumbersOffset() const { return numbersOffset() + kTogether * floatRowBytes(neurons); }
  int64_t resultsOffset() const { return upNumbersOffset() + (up ? kTogether * floatRowBytes(neurons) : 0); }
  int64_t codesOffset() const { return resultsOffset() + kTogether * floatRowBytes(outputs); }
  int64_t rowsScratchOffset() const { return codesOffset() + (grouped ? kTogether * last().inStride() : 0); }
  int64_t scratchBytes() const { return rowsScratchOffset() + (grouped ? roundUp(between().scratchBytes(), 64) : 0); }

  /// Of matrices of codes, what is done between the products: numbers, and numbers of `up`, to what the last one reads.
  RowProgram between() const;

private:
  static LinearSpec floats(int64_t outputs, int64_t inputs, bool bias) {
    return {outputs, inputs, WeightFormat::F32, bias, floatRowBytes(outputs)};
  }
};

/// (in, gates, weights, out, scratch, rowBegin, rowEnd)
std::string expertsKernel(KernelLibrary &kernels, const ExpertsSpec &spec);

} // namespace lmopt::cpu

#endif
