// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The meaning of dialects/lm/quantize/Quantize.td as plain functions.
// Tested by test/dialects/lm/quantize and test/unit/dialects/ReferenceTest.cpp.

#ifndef LMOPT_DIALECTS_LM_QUANTIZE_REFERENCE_H
#define LMOPT_DIALECTS_LM_QUANTIZE_REFERENCE_H

#include "dialects/lm/interpreter/Values.h"

namespace lmopt::lm::reference {

/// The nearest bf16 (ties to even) as a float: the upper half of its bits. Numbers are finite.
float nearestBf16(float x);
Tensor narrow(Tensor x);
/// x H, H the normalized Hadamard matrix of `block` rows: y[i] = sum_j (-1)^popcount(i and j) x[j] / sqrt(block).
void rotateVector(float *x, int64_t width, int64_t block);
Tensor rotate(Tensor x, int64_t block);
Quantized quantizeDynamic(const Tensor &x);
/// Signed codes and one scale for each group; `zero` is empty.
Quantized quantizeGroups(const Tensor &x, int64_t group);

/// What #lm.code_range says.
struct CodeRange {
  float step, factor;
  int32_t zero, least, greatest;
};
Tensor fakeQuantize(Tensor x, const CodeRange &range);
Quantized quantizeStatic(const Tensor &x, const CodeRange &range);

} // namespace lmopt::lm::reference

#endif // LMOPT_DIALECTS_LM_QUANTIZE_REFERENCE_H
