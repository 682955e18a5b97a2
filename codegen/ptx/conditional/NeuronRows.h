// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Neurons row by row (lm.neuron_tree, gates, experts, products without zeros): how their weights lie.
//
//   N rows, each of what the neuron is multiplied with; with `up` what its second factor is multiplied with; what it
//   adds if it is multiplied with something: N times (bias, norm) `added` rows that results get
//
// All parts of rows are f32, padded with zeros to whole sectors of 32 bytes; so both children of a node are one stretch
// of memory, and a warp reads a row without a hole. The norm is the length of the first part, rounded up: with it goes
// the bound of what a sum in f32 may be off (Descent.h). Plain numbers, no MLIR. Source: ptx.md 2. Tested by
// test/unit/codegen/ptx/NeuronTreeTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_CONDITIONAL_NEURONROWS_H
#define LMOPT_CODEGEN_PTX_CONDITIONAL_NEURONROWS_H

#include "codegen/ptx/Rows.h"

#include <string>
#include <vector>

namespace lmopt::nvptx {

struct NeuronRows {
  int64_t neurons = 0, inputs = 0, outputs = 0; ///< none: no such part
  bool up = false;
  int64_t added = 0;

  int64_t keyBytes() const { return rowBytes(inputs, 4); }
  int64_t upOffset() const { return keyBytes(); } ///< in a row
  int64_t valueOffset() const { return keyBytes() * (up ? 2 : 1); }
  int64_t valueBytes() const { return rowBytes(outputs, 4); }
  int64_t neuronBytes() const { return valueOffset() + valueBytes(); }
  static constexpr int64_t kNumbersBytes = 8, kBias = 0, kNorm = 4;
  int64_t numbersOffset() const { return neurons * neuronBytes(); }
  int64_t addedOffset() const { return numbersOffset() + (inputs ? roundUp(neurons * kNumbersBytes, 32) : 0); }
  int64_t bytes() const { return addedOffset() + added * valueBytes(); }
};

/// Added to each norm, so that a bound covers what is lost where products of numbers near 2^-126 are rounded.
constexpr float kLeastNorm = 0x1p-30F;

/// What is packed; null where there is no such part.
struct NeuronNumbers {
  const float *keys = nullptr, *bias = nullptr, *up = nullptr, *values = nullptr, *added = nullptr;
};
std::vector<char> packNeurons(const NeuronRows &rows, const NeuronNumbers &numbers);

/// For names of kernels: all that their code depends on.
std::string wordOf(const NeuronRows &rows);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_CONDITIONAL_NEURONROWS_H
