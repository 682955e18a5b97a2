// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The numbers of one weight, once it has been read; plain C++. Who reads: dialects/lm/Weights.h.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_WEIGHTDATA_H
#define LMOPT_DIALECTS_LM_WEIGHTS_WEIGHTDATA_H

#include <cstdint>
#include <vector>

namespace lmopt::lm {

/// The numbers of a weight: f32 in row-major order, or the codes and scales of a matrix of codes.
struct WeightData {
  std::vector<int64_t> shape;
  std::vector<float> f32;    // empty for a matrix of codes
  std::vector<int8_t> s8;    // rows x columns; of a codebook the bits of an unsigned number: which entry
  std::vector<float> table;  // a codebook, ascending; else empty
  std::vector<float> scales; // rows; of a grouped matrix rows x (columns / group), numbers that f16 can hold
  std::vector<float> minima; // as many, of a grouped matrix with minima; else empty
  std::vector<float> units;  // rows, of a grouped matrix whose scales have 8 bits; else empty
  int64_t groupedBits = 0;   // 4, 5, 6 or 8: a grouped matrix
  int64_t group = 0;         // of a grouped matrix or a codebook of integers: inputs that share a scale

  int64_t blockRows = 0, blockColumns = 0; // of an int8 matrix: of its blocks, when only those with a code are stored
  int64_t stored = 0;                      // how many

  bool bf16 = false; // f32 holds bf16 numbers

  bool isInt8() const { return !s8.empty() && groupedBits == 0 && table.empty(); }
  int64_t rows() const { return shape.front(); }
  int64_t columns() const { return shape.back(); }
  int64_t groupsPerRow() const { return columns() / group; }
};

} // namespace lmopt::lm

#endif
