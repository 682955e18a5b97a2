// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.linear, lm.narrow_linear, lm.quantized_linear, lm.grouped_linear, lm.codebook_linear; see Reference.h.

#include "dialects/lm/linear/Reference.h"

namespace lmopt::lm::reference {

/// sum_k a[k] b[k] in f64. Four sums at a time, or each addition would wait for the one before.
static double dot(const float *a, const float *b, int64_t count) {
  double sums[4] = {0, 0, 0, 0};
  int64_t k = 0;
  for (; k + 4 <= count; k += 4)
    for (int64_t i = 0; i < 4; ++i)
      sums[i] += double(a[k + i]) * double(b[k + i]);
  for (; k < count; ++k)
    sums[0] += double(a[k]) * double(b[k]);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// y[r, n] = sum_k x[r, k] W[n, k] + bias[n]
Tensor linear(const Tensor &x, const Weight &weight, const float *bias) {
  std::vector<int64_t> shape = x.shape;
  shape.back() = weight.rows;
  Tensor y = Tensor::ofF32(std::move(shape));
  const int64_t rows = x.rows(), width = x.width();
  for (int64_t n = 0; n < weight.rows; ++n)
    for (int64_t r = 0; r < rows; ++r)
      y.f32[r * weight.rows + n] =
          float(dot(&x.f32[r * width], weight.f32 + n * width, width) + (bias ? double(bias[n]) : 0.0));
  return y;
}

/// sum_k (q[k] - zero) w[k], exact.
static int64_t integerDot(const uint8_t *codes, int32_t zero, const int8_t *weights, int64_t count) {
  int32_t products = 0, weightSum = 0; // |products| <= 65536 * 255 * 127 < 2^31
  for (int64_t k = 0; k < count; ++k) {
    products += int32_t(codes[k]) * int32_t(weights[k]);
    weightSum += weights[k];
  }
  return int64_t(products) - int64_t(zero) * weightSum;
}

// y[r, n] = s_a[r] s_w[n] (sum_k q w - zero[r] C[n]) + bias[n]
Tensor quantizedLinear(const Quantized &x, const Weight &weight, const float *bias) {
  const auto &[codes, scale, zero] = x;
  Tensor y = Tensor::ofF32({codes.size(0), codes.size(1), weight.rows});
  const int64_t width = codes.width();
  for (int64_t r = 0; r < codes.rows(); ++r)
    for (int64_t n = 0; n < weight.rows; ++n) {
      int64_t sum = integerDot(&codes.u8[r * width], zero.i32[r], weight.codes + n * width, width);
      y.f32[r * weight.rows + n] =
          float(double(scale.f32[r]) * double(weight.scales[n]) * double(sum) + (bias ? bias[n] : 0.0));
    }
  return y;
}

// y[r, n] = sum_g s_a[r, g] (s_w[n, g] sum_k q w + m_w[n, g] sum_k q) + bias[n]
Tensor groupedLinear(const Quantized &x, const Weight &weight, const float *bias) {
  const Tensor &codes = x.codes, &scale = x.scale;
  Tensor y = Tensor::ofF32({codes.size(0), codes.size(1), weight.rows});
  const int64_t width = codes.width(), group = weight.group, groups = width / group;
  for (int64_t r = 0; r < codes.rows(); ++r)
    for (int64_t n = 0; n < weight.rows; ++n) {
      double sum = bias ? bias[n] : 0.0;
      for (int64_t g = 0; g < groups; ++g) {
        const int8_t *q = &codes.s8[r * width + g * group], *w = weight.codes + n * width + g * group;
        int64_t products = 0, total = 0;
        for (int64_t k = 0; k < group; ++k) {
          products += int64_t(q[k]) * int64_t(weight.number(w[k]));
          total += q[k];
        }
        double minimum = weight.minima ? weight.minima[n * groups + g] : 0.0;
        sum += double(scale.f32[r * groups + g]) *
               (double(weight.scales[n * groups + g]) * double(products) + minimum * double(total));
      }
      y.f32[r * weight.rows + n] = float(sum);
    }
  return y;
}

// y[r, n] = s[n] sum_k x[r, k] c[w[n, k]] + bias[n]
Tensor codebookLinear(const Tensor &x, const Weight &weight, const float *bias) {
  Tensor y = Tensor::ofF32({x.size(0), x.size(1), weight.rows});
  const int64_t width = x.width();
  std::vector<float> entries(static_cast<size_t>(width));
  for (int64_t n = 0; n < weight.rows; ++n) {
    for (int64_t k = 0; k < width; ++k)
      entries[k] = weight.number(weight.codes[n * width + k]);
    for (int64_t r = 0; r < x.rows(); ++r)
      y.f32[r * weight.rows + n] = float(double(weight.scales[n]) * dot(&x.f32[r * width], entries.data(), width) +
                                         (bias ? double(bias[n]) : 0.0));
  }
  return y;
}

} // namespace lmopt::lm::reference
