// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See WeightKernels.h.

#include "dialects/lm/weights/WeightKernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lmopt::lm {

/// The first three stages (distances 1, 2, 4) on eight numbers: written out, because loops this short do not vectorize.
static inline void rotateEight(float *x) {
  float a0 = x[0] + x[1], a1 = x[0] - x[1], a2 = x[2] + x[3], a3 = x[2] - x[3];
  float a4 = x[4] + x[5], a5 = x[4] - x[5], a6 = x[6] + x[7], a7 = x[6] - x[7];
  float b0 = a0 + a2, b1 = a1 + a3, b2 = a0 - a2, b3 = a1 - a3;
  float b4 = a4 + a6, b5 = a5 + a7, b6 = a4 - a6, b7 = a5 - a7;
  x[0] = b0 + b4, x[1] = b1 + b5, x[2] = b2 + b6, x[3] = b3 + b7;
  x[4] = b0 - b4, x[5] = b1 - b5, x[6] = b2 - b6, x[7] = b3 - b7;
}

/// One stage: (a, b) -> (a + b, a - b) for numbers `distance` apart.
static inline void butterfly(float *x, int64_t block, int64_t distance) {
  for (int64_t start = 0; start < block; start += 2 * distance)
    for (int64_t i = start; i < start + distance; ++i) {
      float a = x[i], b = x[i + distance];
      x[i] = a + b;
      x[i + distance] = a - b;
    }
}

void rotateBlocks(float *numbers, int64_t count, int64_t block) {
  const float norm = float(1 / std::sqrt(double(block)));
  for (float *x = numbers; x != numbers + count; x += block) {
    int64_t distance = 1;
    if (block >= 8) {
      for (int64_t i = 0; i < block; i += 8)
        rotateEight(x + i);
      distance = 8;
    }
    for (; distance < block; distance *= 2)
      butterfly(x, block, distance);
    for (int64_t i = 0; i < block; ++i)
      x[i] *= norm;
  }
}

/// max|w| by comparing the bits of the absolute values: for floats without sign the order of the bits is the order of
/// the numbers, and integer maxima vectorize where float maxima do not. NaN and infinity come out on top.
static float largestMagnitude(const float *weights, int64_t count) {
  uint32_t largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, weights + i, sizeof(bits));
    largest = std::max(largest, bits & 0x7fffffffu);
  }
  float result;
  std::memcpy(&result, &largest, sizeof(result));
  return result;
}

bool quantizeRow(const float *weights, int64_t count, int8_t *codes, float &scale) {
  float largest = largestMagnitude(weights, count);
  if (!std::isfinite(largest))
    return false;
  scale = largest / 127.0f;
  if (scale == 0) {
    std::fill(codes, codes + count, int8_t(0));
    return true;
  }
  // Adding 1.5 * 2^23 leaves no bits for fractions: the sum is rounded half to even by the addition itself.
  const float magic = 12582912.0f;
  for (int64_t i = 0; i < count; ++i) {
    float rounded = (weights[i] / scale + magic) - magic;
    codes[i] = int8_t(std::min(std::max(rounded, -127.0f), 127.0f));
  }
  return true;
}

bool takeCodes(const float *weights, int64_t count, float factor, int least, int8_t *codes) {
  if (!std::isfinite(largestMagnitude(weights, count)))
    return false;
  const float magic = 12582912.0f; // as in quantizeRow; clamped before, since any number may come
  for (int64_t i = 0; i < count; ++i) {
    float clamped = std::min(std::max(weights[i] * factor, float(least)), 127.0f);
    codes[i] = int8_t((clamped + magic) - magic);
  }
  return true;
}

bool narrowNumbers(float *numbers, int64_t count) {
  bool finite = true;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, &numbers[i], sizeof bits);
    finite &=
        (bits & 0x7fffffff) < 0x7f7f8000; // from half a step above the greatest bf16 on, it would round to infinity
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    std::memcpy(&numbers[i], &bits, sizeof bits);
  }
  return finite;
}

/// Magnitudes from 2^-14 have 10 bits after the first: adding and taking away 2^(exponent + 13) rounds to them. Below,
/// f16 counts in steps of 2^-24, as if the exponent were -14.
float roundToHalf(float x) {
  if (!(std::fabs(x) < 65520.0f)) // half of the step above the greatest f16, 65504
    return x == x ? std::copysign(INFINITY, x) : x;
  int exponent = x == 0 ? -14 : std::max(std::ilogb(x), -14);
  double magic =
      std::ldexp(1.5, exponent + 42); // 52 - 10: the last bit of a double at that size is the last of the f16
  return float((double(x) + magic) - magic);
}

/// codes = clamp(round((w - minimum) / scale), least, greatest); all 0 when the scale is.
static void chooseCodes(const float *weights, int64_t count, float minimum, float scale, float least, float greatest,
                        int8_t *codes) {
  const float magic = 12582912.0f; // as in quantizeRow
  for (int64_t i = 0; i < count; ++i) {
    float clamped = std::min(std::max((weights[i] - minimum) / (scale == 0 ? 1 : scale), least), greatest);
    codes[i] = scale == 0 ? 0 : int8_t((clamped + magic) - magic);
  }
}

float scaleUnit(const float *row, int64_t columns, int64_t group) {
  float width = 0;
  if (!std::isfinite(largestMagnitude(row, columns)))
    return INFINITY;
  for (const float *from = row; from != row + columns; from += group) {
    auto [least, greatest] = std::minmax_element(from, from + group);
    width = std::max(width, std::max(*greatest, 0.0f) - std::min(*least, 0.0f));
  }
  float unit = width / (15.0f * 255.0f);
  uint32_t bits;
  std::memcpy(&bits, &unit, sizeof bits);
  bits = (bits + 0xff) & 0xffffff00; // so that a product with a code is exact
  std::memcpy(&unit, &bits, sizeof bits);
  return unit;
}

SmallScale roundToUnit(float low, float high, float unit) {
  if (unit == 0)
    return {0, 0};
  const float magic = 12582912.0f; // as in quantizeRow
  auto code = [&](float x, float least) { return (std::min(std::max(x, least), 255.0f) + magic) - magic; };
  low = std::min(low, 0.0f);
  float scale = code((std::max(high, 0.0f) - low) / 15.0f / unit, 1) * unit;
  return {scale, -(scale * code(-16 * low / scale, 0)) / 16};
}

bool quantizeShortGroup(const float *weights, int64_t count, int bits, int8_t *codes, float &scale, float *minimum,
                        const float *unit) {
  if (!std::isfinite(largestMagnitude(weights, count)))
    return false;
  auto [least, greatest] = std::minmax_element(weights, weights + count);
  if (minimum && unit) {
    SmallScale small = roundToUnit(*least, *greatest, *unit);
    scale = small.scale, *minimum = small.minimum;
    chooseCodes(weights, count, *minimum, scale, 0, 15, codes);
    return true;
  }
  if (minimum) {
    *minimum = roundToHalf(*least);
    scale = roundToHalf((*greatest - *least) / 15.0f);
    if (!std::isfinite(*minimum) || !std::isfinite(scale)) // codes would be chosen from inf - inf
      return false;
    chooseCodes(weights, count, *minimum, scale, 0, 15, codes);
    return true;
  }
  float extreme = -*least > *greatest ? *least : *greatest;
  scale = roundToHalf(bits == 8 ? std::fabs(extreme) / 127.0f : extreme / -8.0f);
  if (!std::isfinite(scale))
    return false;
  chooseCodes(weights, count, 0, scale, bits == 8 ? -127 : -8, bits == 8 ? 127 : 7, codes);
  return true;
}

int64_t permutedRow(int64_t row, int64_t headRows, int64_t dims, bool fromInterleaved) {
  int64_t inHead = row % headRows, half = dims / 2;
  if (inHead >= dims)
    return row;
  int64_t source = fromInterleaved ? 2 * (inHead % half) + inHead / half : (inHead % 2) * half + inHead / 2;
  return row - inHead + source;
}

} // namespace lmopt::lm
