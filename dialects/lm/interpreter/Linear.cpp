// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.linear, lm.narrow, lm.rotate, lm.quantize_dynamic, lm.quantized_linear, lm.quantize_groups, lm.grouped_linear; see
// Reference.h.

#include "dialects/lm/interpreter/Reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

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
  Tensor y = Tensor::ofF32({x.size(0), x.size(1), weight.rows});
  const int64_t rows = x.rows(), width = x.width();
  for (int64_t n = 0; n < weight.rows; ++n)
    for (int64_t r = 0; r < rows; ++r)
      y.f32[r * weight.rows + n] =
          float(dot(&x.f32[r * width], weight.f32 + n * width, width) + (bias ? double(bias[n]) : 0.0));
  return y;
}

float nearestBf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
  std::memcpy(&x, &bits, sizeof(bits));
  return x;
}

Tensor narrow(Tensor x) {
  for (float &number : x.f32)
    number = nearestBf16(number);
  x.bf16 = true;
  return x;
}

void rotateVector(float *x, int64_t width, int64_t block) {
  std::vector<double> y(block);
  for (int64_t start = 0; start < width; start += block) {
    for (int64_t i = 0; i < block; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < block; ++j)
        sum += __builtin_parityll(i & j) ? -double(x[start + j]) : double(x[start + j]);
      y[i] = sum / std::sqrt(double(block));
    }
    std::copy(y.begin(), y.end(), x + start);
  }
}

Tensor rotate(Tensor x, int64_t block) {
  for (int64_t r = 0; r < x.rows(); ++r)
    rotateVector(&x.f32[r * x.width()], x.width(), block);
  return x;
}

/// ONNX DynamicQuantizeLinear of `count` numbers, in f32 as there; nearbyint rounds half to even.
static void quantizeToken(const float *x, int64_t count, uint8_t *codes, float &scale, int32_t &zero) {
  float lo = std::min(0.0f, *std::min_element(x, x + count));
  float hi = std::max(0.0f, *std::max_element(x, x + count));
  scale = (hi - lo) / 255.0f;
  if (scale == 0)
    scale = 1;
  zero = int32_t(std::clamp(std::nearbyint(-lo / scale), 0.0f, 255.0f));
  for (int64_t k = 0; k < count; ++k)
    codes[k] = uint8_t(std::clamp(std::nearbyint(x[k] / scale) + float(zero), 0.0f, 255.0f));
}

Quantized quantizeDynamic(const Tensor &x) {
  const int64_t rows = x.rows(), width = x.width();
  Quantized q;
  q.codes.shape = x.shape;
  q.codes.u8.resize(x.f32.size());
  q.scale = Tensor::ofF32({x.size(0), x.size(1)});
  q.zero.shape = q.scale.shape;
  q.zero.i32.resize(rows);
  for (int64_t r = 0; r < rows; ++r)
    quantizeToken(&x.f32[r * width], width, &q.codes.u8[r * width], q.scale.f32[r], q.zero.i32[r]);
  return q;
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
Tensor quantizedLinear(const Tensor &codes, const Tensor &scale, const Tensor &zero, const Weight &weight,
                       const float *bias) {
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

/// Below this magnitude 127 / x overflows or loses its accuracy.
static constexpr float kLeastMagnitude = 0x1p-90f;

static float largestMagnitude(const float *x, int64_t count) {
  float largest = 0;
  for (int64_t k = 0; k < count; ++k)
    largest = std::max(largest, std::fabs(x[k]));
  return largest;
}

/// j of the definition, from a group's share of the token's greatest magnitude.
static int groupExponent(float share) {
  int exponent;
  float fraction = std::frexp(share, &exponent); // 2^(exponent - 1) <= share < 2^exponent
  return share == 0 ? 24 : std::clamp(fraction == 0.5f ? 1 - exponent : -exponent, 0, 24);
}

Quantized quantizeGroups(const Tensor &x, int64_t group) {
  Quantized q;
  q.codes.shape = x.shape;
  q.codes.s8.resize(x.f32.size());
  const int64_t width = x.width(), groups = width / group;
  q.scale = Tensor::ofF32({x.size(0), x.size(1), groups});
  for (size_t g = 0; g < q.scale.f32.size(); ++g) {
    float largest = largestMagnitude(&x.f32[g / groups * width], width);
    if (largest < kLeastMagnitude)
      continue;
    float factor = 127.0f / largest, own = largestMagnitude(&x.f32[g * group], group);
    int j = groupExponent(own * factor * (1.0f / 127));
    q.scale.f32[g] = std::ldexp(largest / 127.0f, -j);
    for (int64_t k = g * group; k < int64_t((g + 1) * group); ++k)
      q.codes.s8[k] = int8_t(std::nearbyint(x.f32[k] * std::ldexp(factor, j)));
  }
  return q;
}

// y[r, n] = sum_g s_a[r, g] (s_w[n, g] sum_k q w + m_w[n, g] sum_k q) + bias[n]
Tensor groupedLinear(const Tensor &codes, const Tensor &scale, const Weight &weight, const float *bias) {
  Tensor y = Tensor::ofF32({codes.size(0), codes.size(1), weight.rows});
  const int64_t width = codes.width(), group = weight.group, groups = width / group;
  for (int64_t r = 0; r < codes.rows(); ++r)
    for (int64_t n = 0; n < weight.rows; ++n) {
      double sum = bias ? bias[n] : 0.0;
      for (int64_t g = 0; g < groups; ++g) {
        const int8_t *q = &codes.s8[r * width + g * group], *w = weight.codes + n * width + g * group;
        int64_t products = 0, total = 0;
        for (int64_t k = 0; k < group; ++k) {
          products += int64_t(q[k]) * w[k];
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

} // namespace lmopt::lm::reference
