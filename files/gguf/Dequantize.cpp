// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function per block format, each with a picture of its block. d and m are IEEE halves; "lo" and "hi" are the low
// and the high four bits of a byte. From: the layouts of ggml (ggml-common.h).
// Tested by test/unit/files/DequantizeTest.cpp.
#include "files/gguf/Dequantize.h"

#include <cstring>

// A fused multiply-add would round once where ggml rounds twice.
#pragma clang fp contract(off)

using namespace lmopt;

static float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

/// IEEE half to float without branches, so that loops over it vectorize. Normal numbers move their exponent by
/// 127 - 15 = 112; infinities and NaNs move it by 112 again; subnormal ones are magnitude * 2^-24, which float holds.
static float halfToFloat(uint16_t half) {
  uint32_t sign = (half & 0x8000u) << 16;
  uint32_t magnitude = half & 0x7fffu;
  uint32_t shifted = (magnitude << 13) + (112u << 23) + (magnitude >= 0x7c00u ? 112u << 23 : 0u);
  float subnormal = static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f;
  uint32_t subnormalBits;
  std::memcpy(&subnormalBits, &subnormal, sizeof(subnormalBits));
  return fromBits(sign | (magnitude < 0x0400u ? subnormalBits : shifted));
}

static float loadHalf(const uint8_t *bytes) {
  uint16_t half;
  std::memcpy(&half, bytes, sizeof(half));
  return halfToFloat(half);
}

void lmopt::decodeHalf(const char *data, uint64_t count, float *out) {
  for (uint64_t i = 0; i < count; ++i) {
    uint16_t half;
    std::memcpy(&half, data + 2 * i, sizeof(half));
    out[i] = halfToFloat(half);
  }
}

/// bfloat16 is the upper half of a float.
void lmopt::decodeBfloat16(const char *data, uint64_t count, float *out) {
  for (uint64_t i = 0; i < count; ++i) {
    uint16_t upper;
    std::memcpy(&upper, data + 2 * i, sizeof(upper));
    out[i] = fromBits(static_cast<uint32_t>(upper) << 16);
  }
}

// q4_0:  d(2) | q(16): lo of byte j is value j, hi is value j + 16         value = d * (q - 8)
static void decodeQ4_0(const uint8_t *block, float *out) {
  float d = loadHalf(block);
  const uint8_t *q = block + 2;
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>((q[j] & 15) - 8);
    out[j + 16] = d * static_cast<float>((q[j] >> 4) - 8);
  }
}

// q4_1:  d(2) | m(2) | q(16) as in q4_0                                    value = d * q + m
static void decodeQ4_1(const uint8_t *block, float *out) {
  float d = loadHalf(block), m = loadHalf(block + 2);
  const uint8_t *q = block + 4;
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>(q[j] & 15) + m;
    out[j + 16] = d * static_cast<float>(q[j] >> 4) + m;
  }
}

/// The fifth bits of q5_0 and q5_1: bit j of a 32-bit word belongs to value j. Spread to 0 or 16 per value.
static void spreadFifthBits(const uint8_t *bytes, uint8_t *fifth) {
  for (int j = 0; j < 32; ++j)
    fifth[j] = ((bytes[j / 8] >> (j % 8)) & 1) << 4;
}

/// The sixteen bytes of q4_0 and q4_1 as codes less `offset`.
static void splitNibbles(const uint8_t *q, int offset, int8_t *codes) {
  for (int j = 0; j < 16; ++j) {
    codes[j] = static_cast<int8_t>((q[j] & 15) - offset);
    codes[j + 16] = static_cast<int8_t>((q[j] >> 4) - offset);
  }
}

void lmopt::splitBlocks(GgufType type, const char *data, uint64_t blocks, int8_t *codes, float *scales, float *minima) {
  const uint64_t bytes = ggufTypeInfo(type)->bytes;
  for (uint64_t b = 0; b < blocks; ++b) {
    const auto *block = reinterpret_cast<const uint8_t *>(data) + b * bytes;
    scales[b] = loadHalf(block);
    if (type == GgufType::Q8_0)
      std::memcpy(codes + 32 * b, block + 2, 32);
    else
      splitNibbles(block + (type == GgufType::Q4_1 ? 4 : 2), type == GgufType::Q4_1 ? 0 : 8, codes + 32 * b);
    if (type == GgufType::Q4_1)
      minima[b] = loadHalf(block + 2);
  }
}

// q5_0:  d(2) | h(4): bit j is bit 4 of value j | q(16) as in q4_0          value = d * (q - 16)
static void decodeQ5_0(const uint8_t *block, float *out) {
  float d = loadHalf(block);
  uint8_t fifth[32];
  spreadFifthBits(block + 2, fifth);
  const uint8_t *q = block + 6;
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>(((q[j] & 15) | fifth[j]) - 16);
    out[j + 16] = d * static_cast<float>(((q[j] >> 4) | fifth[j + 16]) - 16);
  }
}

// q5_1:  d(2) | m(2) | h(4) | q(16)                                        value = d * q + m
static void decodeQ5_1(const uint8_t *block, float *out) {
  float d = loadHalf(block), m = loadHalf(block + 2);
  uint8_t fifth[32];
  spreadFifthBits(block + 4, fifth);
  const uint8_t *q = block + 8;
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>((q[j] & 15) | fifth[j]) + m;
    out[j + 16] = d * static_cast<float>((q[j] >> 4) | fifth[j + 16]) + m;
  }
}

// q8_0:  d(2) | q(32) signed                                               value = d * q
static void decodeQ8_0(const uint8_t *block, float *out) {
  float d = loadHalf(block);
  const int8_t *q = reinterpret_cast<const int8_t *>(block + 2);
  for (int j = 0; j < 32; ++j)
    out[j] = static_cast<float>(q[j]) * d;
}

/// The 8 scales s and 8 minima m of six bits each in the 12 bytes of q4_k and q5_k (upper case: groups 4 to 7):
///   byte 0..3:  S1 S0 | s5..s0     S1 S0 are the two upper bits of scale i + 4
///   byte 4..7:  M1 M0 | m5..m0
///   byte 8..11: M5..M2' | S5..S2'  the four lower bits of minimum and scale i + 4
static void unpackScales(const uint8_t *packed, uint8_t *scales, uint8_t *minima) {
  for (int i = 0; i < 4; ++i) {
    scales[i] = packed[i] & 63;
    minima[i] = packed[i + 4] & 63;
    scales[i + 4] = (packed[i + 8] & 15) | ((packed[i] >> 2) & 48);
    minima[i + 4] = (packed[i + 8] >> 4) | ((packed[i + 4] >> 2) & 48);
  }
}

// q4_k:  d(2) | dmin(2) | scales and minima(12) | q(128)
//        8 groups of 32 values; bytes 32c .. 32c+31 of q hold group 2c (lo) and group 2c + 1 (hi)
//        value = (d * s) * q - dmin * m
static void decodeQ4_K(const uint8_t *block, float *out) {
  float d = loadHalf(block), dmin = loadHalf(block + 2);
  uint8_t scales[8], minima[8];
  unpackScales(block + 4, scales, minima);
  const uint8_t *q = block + 16;
  for (int c = 0; c < 4; ++c, q += 32, out += 64) {
    float d0 = d * scales[2 * c], m0 = dmin * minima[2 * c];
    float d1 = d * scales[2 * c + 1], m1 = dmin * minima[2 * c + 1];
    for (int j = 0; j < 32; ++j) {
      out[j] = d0 * static_cast<float>(q[j] & 15) - m0;
      out[j + 32] = d1 * static_cast<float>(q[j] >> 4) - m1;
    }
  }
}

// q5_k:  d(2) | dmin(2) | scales and minima(12) | h(32) | q(128)
//        as q4_k, and bit g of byte j of h is bit 4 of value j of group g
static void decodeQ5_K(const uint8_t *block, float *out) {
  float d = loadHalf(block), dmin = loadHalf(block + 2);
  uint8_t scales[8], minima[8];
  unpackScales(block + 4, scales, minima);
  const uint8_t *h = block + 16, *q = block + 48;
  for (int c = 0; c < 4; ++c, q += 32, out += 64) {
    float d0 = d * scales[2 * c], m0 = dmin * minima[2 * c];
    float d1 = d * scales[2 * c + 1], m1 = dmin * minima[2 * c + 1];
    for (int j = 0; j < 32; ++j) {
      int fifth0 = ((h[j] >> (2 * c)) & 1) << 4, fifth1 = ((h[j] >> (2 * c + 1)) & 1) << 4;
      out[j] = d0 * static_cast<float>((q[j] & 15) | fifth0) - m0;
      out[j + 32] = d1 * static_cast<float>((q[j] >> 4) | fifth1) - m1;
    }
  }
}

/// 32 values of q6_k that share a shift of their upper bits; two scales, one for each 16 values.
static void decodeQ6_KGroup(const uint8_t *low, int lowShift, const uint8_t *high, int highShift, float d,
                            const int8_t *scales, float *out) {
  for (int part = 0; part < 2; ++part) {
    float scale = d * static_cast<float>(scales[part]);
    for (int j = 16 * part; j < 16 * part + 16; ++j) {
      int q = ((low[j] >> lowShift) & 15) | (((high[j] >> highShift) & 3) << 4);
      out[j] = scale * static_cast<float>(q - 32);
    }
  }
}

// q6_k:  l(128) | h(64) | scales(16) signed | d(2)
//        two halves of 128 values with 64 bytes of l and 32 of h each; in a half 4 groups of 32 values:
//          group    0        1        2        3
//          lower    lo 0-31  lo 32-63 hi 0-31  hi 32-63     (bytes of l)
//          upper    bits 0-1 bits 2-3 bits 4-5 bits 6-7     (of byte j of h)
//        value = (d * scale) * (q - 32)
static void decodeQ6_K(const uint8_t *block, float *out) {
  const uint8_t *low = block, *high = block + 128;
  const int8_t *scales = reinterpret_cast<const int8_t *>(block + 192);
  float d = loadHalf(block + 208);
  for (int half = 0; half < 2; ++half, low += 64, high += 32, scales += 8, out += 128)
    for (int g = 0; g < 4; ++g)
      decodeQ6_KGroup(low + 32 * (g % 2), 4 * (g / 2), high, 2 * g, d, scales + 2 * g, out + 32 * g);
}

template <void (*decodeBlock)(const uint8_t *, float *)>
static void decodeBlocks(GgufType type, const char *data, uint64_t blocks, float *out) {
  const GgufTypeInfo *info = ggufTypeInfo(type);
  const uint8_t *block = reinterpret_cast<const uint8_t *>(data);
  for (uint64_t i = 0; i < blocks; ++i, block += info->bytes, out += info->elements)
    decodeBlock(block, out);
}

void lmopt::dequantize(GgufType type, const char *data, uint64_t blocks, float *out) {
  switch (type) {
  case GgufType::F32:
    std::memcpy(out, data, blocks * sizeof(float));
    return;
  case GgufType::F16:
    return decodeHalf(data, blocks, out);
  case GgufType::BF16:
    return decodeBfloat16(data, blocks, out);
  case GgufType::Q4_0:
    return decodeBlocks<decodeQ4_0>(type, data, blocks, out);
  case GgufType::Q4_1:
    return decodeBlocks<decodeQ4_1>(type, data, blocks, out);
  case GgufType::Q5_0:
    return decodeBlocks<decodeQ5_0>(type, data, blocks, out);
  case GgufType::Q5_1:
    return decodeBlocks<decodeQ5_1>(type, data, blocks, out);
  case GgufType::Q8_0:
    return decodeBlocks<decodeQ8_0>(type, data, blocks, out);
  case GgufType::Q4_K:
    return decodeBlocks<decodeQ4_K>(type, data, blocks, out);
  case GgufType::Q5_K:
    return decodeBlocks<decodeQ5_K>(type, data, blocks, out);
  case GgufType::Q6_K:
    return decodeBlocks<decodeQ6_K>(type, data, blocks, out);
  }
}
