// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers of 16 bits, tf32, and the two rules that PTX adds to IEEE arithmetic: one NaN for all, and flushing to zero.
//
// Conversions round to nearest even unless they say otherwise. Source: PTX ISA, "Floating Point Instructions".
// Tested by test/ptx/unit/FloatTest.cpp (all 65536 halves; ties) and the oracles.
#ifndef LMOPT_TEST_PTX_MACHINE_FLOAT_H
#define LMOPT_TEST_PTX_MACHINE_FLOAT_H

#include "test/ptx/machine/Lanes.h"

#include <cmath>

namespace lmopt::ptx {

enum class Rounding : uint8_t { Nearest, Zero, Down, Up };

double roundToInteger(double value, Rounding rounding);

/// False for integers.
template <typename T>
bool isNan(T value) {
  if constexpr (std::is_floating_point_v<T>)
    return std::isnan(value);
  else
    return false;
}

/// The NaN that arithmetic on f32 gives.
inline float canonical(float value) { return value != value ? bitsAs<float>(0x7fffffffu) : value; }
inline double canonical(double value) { return value != value ? bitsAs<double>(uint64_t(0x7fffffffffffffff)) : value; }

inline float flushed(float value) {
  uint32_t bits = bitsAs<uint32_t>(value);
  return bitsAs<float>((bits & 0x7f800000) == 0 ? bits & 0x80000000 : bits);
}

inline float halfToFloat(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16, exponent = half >> 10 & 31, mantissa = half & 1023;
  if (exponent == 31)
    return bitsAs<float>(sign | 0x7f800000 | mantissa << 13);
  if (exponent == 0)
    return bitsAs<float>(sign | bitsAs<uint32_t>(static_cast<float>(mantissa) * 0x1p-24f));
  return bitsAs<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

/// NaN becomes 0x7fff.
uint16_t floatToHalf(float value, Rounding rounding = Rounding::Nearest);
uint16_t floatToBfloat(float value, Rounding rounding = Rounding::Nearest);
/// f64 -> f16 in one rounding.
uint16_t doubleToHalf(double value);

inline float bfloatToFloat(uint16_t value) { return bitsAs<float>(uint32_t(value) << 16); }

/// What a tensor core sees of a tf32 operand: its upper 19 bits.
inline float truncateToTf32(uint32_t bits) { return bitsAs<float>(bits & 0xffffe000); }
/// cvt.rna.tf32: to nearest, ties away from zero.
inline uint32_t roundToTf32(float value) {
  uint32_t bits = bitsAs<uint32_t>(value);
  return value != value ? 0x7fffffff : (bits & 0x7f800000) == 0x7f800000 ? bits : (bits + 0x1000) & 0xffffe000;
}

struct HalfFormat {
  static float widen(uint16_t bits) { return halfToFloat(bits); }
  static uint16_t narrow(float value) { return floatToHalf(value); }
};
struct BfloatFormat {
  static float widen(uint16_t bits) { return bfloatToFloat(bits); }
  static uint16_t narrow(float value) { return floatToBfloat(value); }
};

/// a b + c for operands of 16 bits: the exact sum, rounded so that one more rounding to 16 bits gives the right result.
float fusedForNarrowing(float a, float b, float c);

/// 0 .. 1, NaN to 0.
inline float saturated(float value) { return value > 0 ? (value < 1 ? value : 1.0f) : 0.0f; }

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_MACHINE_FLOAT_H
