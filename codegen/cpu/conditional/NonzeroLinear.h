// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The product without what is multiplied by zero (lm.nonzero_linear). Its weights are rows of neurons that only add
// (NeuronTree.h). Tested by test/unit/codegen/ExpertsKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_CONDITIONAL_NONZEROLINEAR_H
#define LMOPT_CODEGEN_CPU_CONDITIONAL_NONZEROLINEAR_H

#include "codegen/cpu/conditional/NeuronTree.h"

#include <string>

namespace lmopt::cpu {

struct NonzeroSpec {
  NeuronRows rows; ///< a row for each number of the input; inputs 0
  bool bias = false;
  int64_t outStride = 0;
  int64_t mostTokens = 512; ///< of a block
  bool ragged() const { return outStride < floatRowBytes(rows.outputs); }

  /// Behind the rows: the bias.
  int64_t biasOffset() const { return rows.bytes(); }
  int64_t bytes() const { return biasOffset() + floatRowBytes(rows.outputs); }
  // Scratch, for each token: how many numbers are not zero; their places; they.
  int64_t placesOffset() const { return roundUp(4 * mostTokens, 64); }
  int64_t numbersOffset() const { return placesOffset() + mostTokens * floatRowBytes(rows.neurons); }
  int64_t scratchBytes() const { return numbersOffset() + mostTokens * floatRowBytes(rows.neurons); }
};

/// (in, weights, out, scratch, rowBegin, rowEnd)
std::string nonzeroLinearKernel(KernelLibrary &kernels, const NonzeroSpec &spec);

} // namespace lmopt::cpu

#endif
