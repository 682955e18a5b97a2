// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One IEEE half to a float, exactly. Inside this folder only; tested by test/unit/files/DequantizeTest.cpp (all 65536).
#ifndef LMOPT_FILES_GGUF_HALFTOFLOAT_H
#define LMOPT_FILES_GGUF_HALFTOFLOAT_H

#include <cstdint>
#include <cstring>

namespace lmopt {

inline float floatOfBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

/// IEEE half to float without branches, so that loops over it vectorize. Normal numbers move their exponent by
/// 127 - 15 = 112; infinities and NaNs move it by 112 again; subnormal ones are magnitude * 2^-24, which float holds.
inline float halfToFloat(uint16_t half) {
  uint32_t sign = (half & 0x8000u) << 16;
  uint32_t magnitude = half & 0x7fffu;
  uint32_t shifted = (magnitude << 13) + (112u << 23) + (magnitude >= 0x7c00u ? 112u << 23 : 0u);
  float subnormal = static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f;
  uint32_t subnormalBits;
  std::memcpy(&subnormalBits, &subnormal, sizeof(subnormalBits));
  return floatOfBits(sign | (magnitude < 0x0400u ? subnormalBits : shifted));
}

/// Where it lies in a file.
inline float loadHalf(const uint8_t *bytes) {
  uint16_t half;
  std::memcpy(&half, bytes, sizeof(half));
  return halfToFloat(half);
}

} // namespace lmopt

#endif // LMOPT_FILES_GGUF_HALFTOFLOAT_H
