// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers of 16 bits as packers of weights write them. Tested by test/unit/codegen/PackWeightsTest.cpp and
// ptx/GroupedDecodeTest.cpp.
#ifndef LMOPT_CODEGEN_HALVES_H
#define LMOPT_CODEGEN_HALVES_H

#include <cmath>
#include <cstdint>
#include <cstring>

namespace lmopt {

/// The 16 bits of an f16 for a float that f16 can hold.
inline uint16_t halfBits(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude < 0x38800000) // below 2^-14: a multiple of 2^-24
    return static_cast<uint16_t>(sign | static_cast<uint32_t>(std::fabs(x) * 0x1p24f));
  return static_cast<uint16_t>(sign | ((magnitude - 0x38000000) >> 13));
}

} // namespace lmopt

#endif // LMOPT_CODEGEN_HALVES_H
