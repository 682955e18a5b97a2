// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The meaning of the lm ops: one plain function each, on flat row-major buffers, f32 storage with f64 sums. No MLIR, no
// cleverness: these are what every pass and every lowering is judged by.
// In: tensors whose shapes the interpreter has checked. Out: the result; an error text where the values themselves can
// be wrong (a token id out of range). Tested by test/dialects/lm/interpret against NumPy, end to end against Hugging
// Face.

#ifndef LMOPT_DIALECTS_LM_INTERPRETER_REFERENCE_H
#define LMOPT_DIALECTS_LM_INTERPRETER_REFERENCE_H

#include "files/Status.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace lmopt::lm::reference {

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

/// A weight: f32 numbers, or codes with scales (group inputs share one; group = columns when a row does) and perhaps
/// minima, one beside each scale.
struct Weight {
  int64_t rows = 0, columns = 0;
  const float *f32 = nullptr;
  const int8_t *codes = nullptr;
  const float *scales = nullptr;
  int64_t group = 0;
  const float *minima = nullptr;

  /// Number k of row n, dequantized.
  float at(int64_t n, int64_t k) const {
    if (f32)
      return f32[n * columns + k];
    int64_t g = (n * columns + k) / group;
    return float(codes[n * columns + k]) * scales[g] + (minima ? minima[g] : 0.0f);
  }
};

/// Keys (rotated) and values of the positions seen so far, for each layer and sequence.
struct CacheLayer {
  int64_t positions = 0;
  std::vector<double> frequencies;              // by which the keys were rotated
  std::vector<std::vector<float>> keys, values; // [batch], each positions x width
};
struct Cache {
  std::vector<CacheLayer> layers;
};

enum class Function { gelu, geluTanh, silu, relu, tanh };
enum class Pooling { mean, cls, max, last };

// Embedding.cpp
Result<Tensor> embedding(const Tensor &ids, const Weight &table, int64_t rotatedBlock);
Result<Tensor> addPositions(Tensor x, const Weight &table);

// Linear.cpp; `bias` may be null.
Tensor linear(const Tensor &x, const Weight &weight, const float *bias);
Tensor rotate(Tensor x, int64_t block);
Tensor narrow(Tensor x);
/// The nearest bf16 (ties to even) as a float: the upper half of its bits. Numbers are finite.
float nearestBf16(float x);
struct Quantized {
  Tensor codes, scale, zero;
};
Quantized quantizeDynamic(const Tensor &x);
Tensor quantizedLinear(const Tensor &codes, const Tensor &scale, const Tensor &zero, const Weight &weight,
                       const float *bias);
/// Signed codes and one scale for each group; `zero` is empty.
Quantized quantizeGroups(const Tensor &x, int64_t group);
Tensor groupedLinear(const Tensor &codes, const Tensor &scale, const Weight &weight, const float *bias);
/// x H, H the normalized Hadamard matrix of `block` rows: y[i] = sum_j (-1)^popcount(i and j) x[j] / sqrt(block).
void rotateVector(float *x, int64_t width, int64_t block);

// Norm.cpp; `weight` and `bias` may be null.
Tensor rmsNorm(Tensor x, const float *weight, double eps);
Tensor layerNorm(Tensor x, const float *weight, const float *bias, double eps);
Tensor l2Normalize(Tensor x);

// Elementwise.cpp
double apply(Function function, double x);
Tensor add(Tensor a, const Tensor &b);
Tensor biasAdd(Tensor x, const float *bias);
Tensor activation(Tensor x, Function function);
Tensor gatedProduct(Tensor gate, const Tensor &up, Function function);

// Pooling.cpp
Tensor pool(const Tensor &x, const Tensor &lengths, Pooling pooling);

// Attention.cpp
/// How pair i of a head turns from one position to the next, and what query and key are multiplied by.
struct Rotation {
  std::vector<double> frequencies; // of the rotary pairs; empty: no rotation
  double attentionFactor = 1;
};
struct AttentionOptions {
  int64_t layer = 0, heads = 1, kvHeads = 1;
  double scale = 1;
  bool causal = true;
  bool interleaved = false;                         // rotary layout
  std::function<Rotation(int64_t length)> rotation; // of a sequence of so many tokens; empty: none
  bool bf16 = false;                                // keys, values, scaled queries and softmax weights rounded to bf16
  bool int8 = false; // each head of keys and values rounded to 8 bits of its largest number
};
/// Decoder form: appends to `cache`. An error when the cache was made for another batch or width, or its keys were
/// rotated as those of a shorter or longer sequence are.
Result<Tensor> attention(const Tensor &query, const Tensor &key, const Tensor &value, Cache &cache,
                         const AttentionOptions &options);
/// Encoder form.
Tensor attention(const Tensor &query, const Tensor &key, const Tensor &value, const Tensor &lengths,
                 const AttentionOptions &options);

} // namespace lmopt::lm::reference

#endif // LMOPT_DIALECTS_LM_INTERPRETER_REFERENCE_H
