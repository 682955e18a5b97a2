// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the interpreter computes with: tensors, weights and caches as flat row-major buffers. No MLIR.
//
// The meaning of each op is a plain function on these, in the Reference.h of its family: f32 storage with f64 sums, no
// cleverness. They are what every pass and every lowering is judged by. In: tensors whose shapes the interpreter has
// checked. Out: the result; an error text where the values themselves can be wrong (a token id out of range).
// Tested against NumPy (test/dialects/lm/generate.py) and, end to end, against Hugging Face.

#ifndef LMOPT_DIALECTS_LM_INTERPRETER_VALUES_H
#define LMOPT_DIALECTS_LM_INTERPRETER_VALUES_H

#include "files/Status.h"

#include <cstdint>
#include <variant>
#include <vector>

namespace lmopt::lm {
namespace reference {

/// A tensor of one of five element types; exactly one of the buffers is in use.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<float> f32;
  std::vector<int32_t> i32;
  std::vector<uint8_t> u8;
  std::vector<int8_t> s8;
  bool bf16 = false; // f32 holds bf16 numbers

  int64_t size(unsigned dim) const { return shape[dim]; }
  int64_t width() const { return shape.back(); }
  /// Vectors of the last dimension.
  int64_t rows() const;
  static Tensor ofF32(std::vector<int64_t> shape);
};

/// Quantized activations: u8 codes with scale and zero for each row, or s8 codes with a scale for each group (`zero` is
/// empty).
struct Quantized {
  Tensor codes, scale, zero;
};

/// A weight: f32 numbers, or codes with scales (group inputs share one; group = columns when a row does) and perhaps
/// minima, one beside each scale. With a table, codes are the numbers of its entries.
struct Weight {
  int64_t rows = 0, columns = 0;
  const float *f32 = nullptr;
  const int8_t *codes = nullptr;
  const float *scales = nullptr;
  int64_t group = 0;
  const float *minima = nullptr;
  const float *table = nullptr;

  /// What a code stands for before it is scaled.
  float number(int8_t code) const { return table ? table[static_cast<uint8_t>(code)] : float(code); }
  /// Number k of row n, dequantized.
  float at(int64_t n, int64_t k) const {
    if (f32)
      return f32[n * columns + k];
    int64_t g = (n * columns + k) / group;
    return number(codes[n * columns + k]) * scales[g] + (minima ? minima[g] : 0.0f);
  }
};

/// Keys (rotated) and values of the positions seen so far, for each layer and sequence.
struct CacheLayer {
  int64_t positions = 0, keyWidth = 0, valueWidth = 0;
  bool ofLengths = false;          // rows of an encoder: each sequence has a length, and no rows can follow
  bool isProjected = false;        // keys and values are few rows that were made of those of the positions
  std::vector<double> frequencies; // by which the keys were rotated; of lengths: each by its own, none here
  std::vector<std::vector<float>> keys, values; // [batch], each positions x width
};
struct Cache {
  std::vector<CacheLayer> layers;
};

} // namespace reference

/// A value at run time: of a tensor type, of !lm.codes, of !lm.cache. A cache moves through the program: whoever takes
/// it in gives the longer one back.
using RuntimeValue = std::variant<reference::Tensor, reference::Quantized, reference::Cache>;
using RuntimeValues = std::vector<RuntimeValue>;

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_INTERPRETER_VALUES_H
