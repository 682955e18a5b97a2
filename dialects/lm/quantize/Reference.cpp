// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.narrow, lm.rotate, lm.quantize_dynamic, lm.quantize_groups, lm.fake_quantize, lm.quantize_static; see Reference.h.

#include "dialects/lm/quantize/Reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lmopt::lm::reference {

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

/// Below this magnitude 127 / x overflows or loses its accuracy.
static constexpr float kLeastMagnitude = 0x1p-90f;

static float largestMagnitude(const float *x, int64_t count) {
  float largest = 0;
  for (int64_t k = 0; k < count; ++k)
    largest = std::max(largest, std::fabs(x[k]));
  return largest;
}

Quantized quantizeGroups(const Tensor &x, int64_t group) {
  Quantized q;
  q.codes.shape = x.shape;
  q.codes.s8.resize(x.f32.size());
  q.scale = Tensor::ofF32({x.size(0), x.size(1), x.width() / group});
  for (size_t g = 0; g < q.scale.f32.size(); ++g) {
    const float *own = &x.f32[g * group];
    float largest = largestMagnitude(own, group);
    if (largest < kLeastMagnitude)
      continue;
    q.scale.f32[g] = largest / 127.0f;
    for (int64_t k = 0; k < group; ++k)
      q.codes.s8[g * group + k] = int8_t(std::nearbyint(own[k] * (127.0f / largest)));
  }
  return q;
}

/// code = clamp(round(x * factor) + zero, least, greatest)
static float codeOf(float x, const CodeRange &range) {
  return std::clamp(std::nearbyint(x * range.factor) + float(range.zero), float(range.least), float(range.greatest));
}

Tensor fakeQuantize(Tensor x, const CodeRange &range) {
  for (float &number : x.f32)
    number = (codeOf(number, range) - float(range.zero)) * range.step;
  return x;
}

Quantized quantizeStatic(const Tensor &x, const CodeRange &range) {
  Quantized q;
  q.codes.shape = x.shape;
  for (float number : x.f32)
    q.codes.u8.push_back(uint8_t(codeOf(number, range)));
  q.scale = Tensor::ofF32({x.size(0), x.size(1)});
  std::fill(q.scale.f32.begin(), q.scale.f32.end(), range.step);
  q.zero.shape = q.scale.shape;
  q.zero.i32.assign(x.rows(), range.zero);
  return q;
}

} // namespace lmopt::lm::reference
