// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function per block format, each with a picture of its block; see BlockCodes.h. d and m are IEEE halves; "lo" and
// "hi" are the low and the high four bits of a byte.
#include "files/gguf/BlockCodes.h"

#include "files/gguf/HalfToFloat.h"

#include <cstring>

// A fused multiply-add would round once where ggml rounds twice.
#pragma clang fp contract(off)

using namespace lmopt;

/// Half a byte each: lo of byte j is value j, hi is value j + count.
static void splitNibbles(const uint8_t *q, int count, int offset, int8_t *codes) {
  for (int j = 0; j < count; ++j) {
    codes[j] = static_cast<int8_t>((q[j] & 15) - offset);
    codes[j + count] = static_cast<int8_t>((q[j] >> 4) - offset);
  }
}

/// The fifth bits of q5_0 and q5_1: bit j of a 32-bit word belongs to value j.
static void addFifthBits(const uint8_t *bytes, int8_t *codes) {
  for (int j = 0; j < 32; ++j)
    codes[j] = static_cast<int8_t>(codes[j] + (((bytes[j / 8] >> (j % 8)) & 1) << 4));
}

// q4_0:  d(2) | q(16): lo of byte j is value j, hi is value j + 16         value = d * (q - 8)
static void splitQ4_0(const uint8_t *block, BlockCodes &out) {
  out.scales[0] = loadHalf(block);
  splitNibbles(block + 2, 16, 8, out.codes);
}

// q4_1:  d(2) | m(2) | q(16) as in q4_0                                    value = d * q + m
static void splitQ4_1(const uint8_t *block, BlockCodes &out) {
  out.scales[0] = loadHalf(block);
  out.minima[0] = loadHalf(block + 2);
  splitNibbles(block + 4, 16, 0, out.codes);
}

// q5_0:  d(2) | h(4): bit j is bit 4 of value j | q(16) as in q4_0          value = d * (q - 16)
static void splitQ5_0(const uint8_t *block, BlockCodes &out) {
  out.scales[0] = loadHalf(block);
  splitNibbles(block + 6, 16, 16, out.codes);
  addFifthBits(block + 2, out.codes);
}

// q5_1:  d(2) | m(2) | h(4) | q(16)                                        value = d * q + m
static void splitQ5_1(const uint8_t *block, BlockCodes &out) {
  out.scales[0] = loadHalf(block);
  out.minima[0] = loadHalf(block + 2);
  splitNibbles(block + 8, 16, 0, out.codes);
  addFifthBits(block + 4, out.codes);
}

// q8_0:  d(2) | q(32) signed                                               value = d * q
static void splitQ8_0(const uint8_t *block, BlockCodes &out) {
  out.scales[0] = loadHalf(block);
  std::memcpy(out.codes, block + 2, 32);
}

/// Bits 2g and 2g + 1 of the 32 bytes at `q` are value 32 g + j of 128.
static void splitPairs(const uint8_t *q, int8_t *codes) {
  for (int g = 0; g < 4; ++g)
    for (int j = 0; j < 32; ++j)
      codes[32 * g + j] = static_cast<int8_t>((q[j] >> (2 * g)) & 3);
}

// q2_k:  scales and minima(16) | q(64) | d(2) | dmin(2)
//        16 groups of 16 values; byte g of the first: lo the scale s, hi the minimum m of group g
//        two halves of 128 values with 32 bytes of q each: bits 2i, 2i + 1 of byte j are value 32 i + j
//        value = (d * s) * q - dmin * m
static void splitQ2_K(const uint8_t *block, BlockCodes &out) {
  float d = loadHalf(block + 80), dmin = loadHalf(block + 82);
  for (int g = 0; g < 16; ++g) {
    out.scales[g] = d * static_cast<float>(block[g] & 15);
    out.minima[g] = -(dmin * static_cast<float>(block[g] >> 4));
  }
  splitPairs(block + 16, out.codes);
  splitPairs(block + 48, out.codes + 128);
}

/// Scale g of the 16 of q3_k, six bits each in 12 bytes: the lower four are lo (g < 8) or hi of byte g mod 8, the upper
/// two are bits 2 (g / 4) and up of byte 8 + g mod 4.
static int scaleOfQ3_K(const uint8_t *packed, int g) {
  int lower = (packed[g % 8] >> (4 * (g / 8))) & 15, upper = (packed[8 + g % 4] >> (2 * (g / 4))) & 3;
  return lower | upper << 4;
}

// q3_k:  h(32) | q(64) | scales(12) | d(2)
//        q as in q2_k; bit i of byte j of h, when it is *not* set, takes 4 off value 32 i + j
//        value = (d * (scale - 32)) * q
static void splitQ3_K(const uint8_t *block, BlockCodes &out) {
  float d = loadHalf(block + 108);
  for (int g = 0; g < 16; ++g)
    out.scales[g] = d * static_cast<float>(scaleOfQ3_K(block + 96, g) - 32);
  splitPairs(block + 32, out.codes);
  splitPairs(block + 64, out.codes + 128);
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 32; ++j)
      if (((block[j] >> i) & 1) == 0)
        out.codes[32 * i + j] = static_cast<int8_t>(out.codes[32 * i + j] - 4);
}

/// The 8 scales s and 8 minima m of six bits each in the 12 bytes of q4_k and q5_k (upper case: groups 4 to 7), times d
/// and -dmin:
///   byte 0..3:  S1 S0 | s5..s0     S1 S0 are the two upper bits of scale i + 4
///   byte 4..7:  M1 M0 | m5..m0
///   byte 8..11: M5..M2' | S5..S2'  the four lower bits of minimum and scale i + 4
static void splitScales(float d, float dmin, const uint8_t *packed, BlockCodes &out) {
  auto set = [&](int g, int scale, int minimum) {
    out.scales[g] = d * static_cast<float>(scale);
    out.minima[g] = -(dmin * static_cast<float>(minimum));
  };
  for (int i = 0; i < 4; ++i) {
    set(i, packed[i] & 63, packed[i + 4] & 63);
    set(i + 4, (packed[i + 8] & 15) | ((packed[i] >> 2) & 48), (packed[i + 8] >> 4) | ((packed[i + 4] >> 2) & 48));
  }
}

// q4_k:  d(2) | dmin(2) | scales and minima(12) | q(128)
//        8 groups of 32 values; bytes 32c .. 32c+31 of q hold group 2c (lo) and group 2c + 1 (hi)
//        value = (d * s) * q - dmin * m
static void splitQ4_K(const uint8_t *block, BlockCodes &out) {
  splitScales(loadHalf(block), loadHalf(block + 2), block + 4, out);
  for (int c = 0; c < 4; ++c)
    splitNibbles(block + 16 + 32 * c, 32, 0, out.codes + 64 * c);
}

// q5_k:  d(2) | dmin(2) | scales and minima(12) | h(32) | q(128)
//        as q4_k, and bit g of byte j of h is bit 4 of value j of group g
static void splitQ5_K(const uint8_t *block, BlockCodes &out) {
  splitScales(loadHalf(block), loadHalf(block + 2), block + 4, out);
  for (int c = 0; c < 4; ++c)
    splitNibbles(block + 48 + 32 * c, 32, 0, out.codes + 64 * c);
  for (int g = 0; g < 8; ++g)
    for (int j = 0; j < 32; ++j)
      out.codes[32 * g + j] = static_cast<int8_t>(out.codes[32 * g + j] + (((block[16 + j] >> g) & 1) << 4));
}

// q6_k:  l(128) | h(64) | scales(16) signed | d(2)
//        two halves of 128 values with 64 bytes of l and 32 of h each: lo of l are values 0 to 63, hi values 64 to 127;
//        bits 2i, 2i + 1 of byte j of h are the upper bits of value 32 i + j
//        value = (d * scale) * (q - 32)
static void splitQ6_K(const uint8_t *block, BlockCodes &out) {
  const int8_t *scales = reinterpret_cast<const int8_t *>(block + 192);
  float d = loadHalf(block + 208);
  for (int g = 0; g < 16; ++g)
    out.scales[g] = d * static_cast<float>(scales[g]);
  for (int half = 0; half < 2; ++half) {
    int8_t upper[128], *codes = out.codes + 128 * half;
    splitPairs(block + 128 + 32 * half, upper);
    splitNibbles(block + 64 * half, 64, 32, codes);
    for (int j = 0; j < 128; ++j)
      codes[j] = static_cast<int8_t>(codes[j] + 16 * upper[j]);
  }
}

// iq4_nl: d(2) | q(16) as in q4_0                                          value = d * entries[q]
static void splitIQ4_NL(const uint8_t *block, BlockCodes &out) {
  out.scales[0] = loadHalf(block);
  splitNibbles(block + 2, 16, 0, out.codes);
}

// iq4_xs: d(2) | upper(2) | lower(4) | q(128)
//         8 groups of 32 values with 16 bytes of q each, as in q4_0; the scale of group g: lower four bits are lo
//         (g even) or hi of byte g / 2, the upper two are bits 2g and 2g + 1 of `upper`
//         value = (d * (scale - 32)) * entries[q]
static void splitIQ4_XS(const uint8_t *block, BlockCodes &out) {
  float d = loadHalf(block);
  int upper = block[2] | block[3] << 8;
  for (int g = 0; g < 8; ++g) {
    int scale = ((block[4 + g / 2] >> (4 * (g % 2))) & 15) | ((upper >> (2 * g)) & 3) << 4;
    out.scales[g] = d * static_cast<float>(scale - 32);
    splitNibbles(block + 8 + 16 * g, 16, 0, out.codes + 32 * g);
  }
}

/// Half of 2^(exponent - 127), whose numbers 0 and 1 give subnormal floats.
static float halfOfPower(uint8_t exponent) {
  uint32_t bits = exponent < 2 ? 0x00200000u << exponent : static_cast<uint32_t>(exponent - 1) << 23;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// mxfp4: e(1) | q(16) as in q4_0: sign and e2m1, twice 0, 0.5, 1, 1.5, 2, 3, 4, 6; -0 is 0
//        value = 2^(e - 128) * entries[q]
static void splitMXFP4(const uint8_t *block, BlockCodes &out) {
  // Of each bit pattern, its place among the entries in ascending order.
  static constexpr int8_t kPlaces[16] = {7, 9, 10, 11, 12, 13, 14, 15, 7, 6, 5, 4, 3, 2, 1, 0};
  out.scales[0] = halfOfPower(block[0]);
  splitNibbles(block + 1, 16, 0, out.codes);
  for (int j = 0; j < 32; ++j)
    out.codes[j] = kPlaces[out.codes[j]];
}

static constexpr int8_t kIQ4[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
// Zero stands there twice, so that there are 16.
static constexpr int8_t kE2M1[16] = {-12, -8, -6, -4, -3, -2, -1, 0, 0, 1, 2, 3, 4, 6, 8, 12};

namespace {
struct Format {
  GgufCodes codes;
  void (*split)(const uint8_t *, BlockCodes &);
};
} // namespace

static constexpr Format kFormats[] = {
    {{GgufType::Q4_0, 4, 32, false, nullptr}, splitQ4_0},  {{GgufType::Q4_1, 4, 32, true, nullptr}, splitQ4_1},
    {{GgufType::Q5_0, 5, 32, false, nullptr}, splitQ5_0},  {{GgufType::Q5_1, 5, 32, true, nullptr}, splitQ5_1},
    {{GgufType::Q8_0, 8, 32, false, nullptr}, splitQ8_0},  {{GgufType::Q2_K, 4, 16, true, nullptr}, splitQ2_K},
    {{GgufType::Q3_K, 4, 16, false, nullptr}, splitQ3_K},  {{GgufType::Q4_K, 4, 32, true, nullptr}, splitQ4_K},
    {{GgufType::Q5_K, 5, 32, true, nullptr}, splitQ5_K},   {{GgufType::Q6_K, 6, 16, false, nullptr}, splitQ6_K},
    {{GgufType::IQ4_NL, 4, 32, false, kIQ4}, splitIQ4_NL}, {{GgufType::IQ4_XS, 4, 32, false, kIQ4}, splitIQ4_XS},
    {{GgufType::MXFP4, 4, 32, false, kE2M1}, splitMXFP4},
};

static const Format *formatOf(GgufType type) {
  for (const Format &format : kFormats)
    if (format.codes.type == type)
      return &format;
  return nullptr;
}

const GgufCodes *lmopt::ggufCodes(GgufType type) {
  const Format *format = formatOf(type);
  return format ? &format->codes : nullptr;
}

std::string lmopt::ggufTypesWithCodes() {
  std::string names;
  for (const Format &format : kFormats)
    names += (names.empty() ? "" : ", ") + std::string(ggufTypeInfo(format.codes.type)->name);
  return names;
}

void lmopt::splitBlock(GgufType type, const uint8_t *block, BlockCodes &out) { formatOf(type)->split(block, out); }

void lmopt::splitBlocks(GgufType type, const char *data, uint64_t blocks, int8_t *codes, float *scales, float *minima) {
  const Format &format = *formatOf(type);
  const GgufTypeInfo &info = *ggufTypeInfo(type);
  const size_t elements = info.elements, groups = elements / static_cast<size_t>(format.codes.group);
  BlockCodes block;
  for (uint64_t b = 0; b < blocks; ++b) {
    format.split(reinterpret_cast<const uint8_t *>(data) + b * info.bytes, block);
    std::memcpy(codes + b * elements, block.codes, elements);
    std::memcpy(scales + b * groups, block.scales, groups * sizeof(float));
    if (format.codes.hasMin)
      std::memcpy(minima + b * groups, block.minima, groups * sizeof(float));
  }
}
