// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Described in Float.h.
#include "test/ptx/machine/Float.h"

namespace lmopt::ptx {

namespace {
/// A format of 16 bits.
struct Format {
  int precision;   // bits with the leading one
  int least, most; // exponents of normal numbers
};
constexpr Format kHalf{11, -14, 15};
constexpr Format kBfloat{8, -126, 127};
} // namespace

double roundToInteger(double value, Rounding rounding) {
  switch (rounding) {
  case Rounding::Nearest:
    return std::nearbyint(value);
  case Rounding::Zero:
    return std::trunc(value);
  case Rounding::Down:
    return std::floor(value);
  case Rounding::Up:
    return std::ceil(value);
  }
  return value;
}

/// Scales so that the last place of the format is 1, rounds, and puts the pieces together. Any magnitude fits in f64.
static uint16_t encode(double value, Format format, Rounding rounding) {
  if (value != value)
    return 0x7fff;
  uint32_t sign = std::signbit(value) ? 0x8000 : 0;
  int mantissaBits = format.precision - 1, exponent = 0;
  uint32_t infinity = uint32_t(format.most - format.least + 2) << mantissaBits;
  if (std::isinf(value))
    return static_cast<uint16_t>(sign | infinity);
  std::frexp(value, &exponent);
  exponent = value == 0 ? format.least : std::max(exponent - 1, format.least);
  double units = std::fabs(roundToInteger(std::ldexp(value, mantissaBits - exponent), rounding));
  // A carry into the next power of two moves into the exponent by itself; subnormals have exponent bits 0.
  uint32_t bits = (uint32_t(exponent - format.least) << mantissaBits) + static_cast<uint32_t>(units);
  if (bits < infinity)
    return static_cast<uint16_t>(sign | bits);
  bool staysFinite =
      rounding == Rounding::Zero || (rounding == Rounding::Down && !sign) || (rounding == Rounding::Up && sign);
  return static_cast<uint16_t>(sign | (staysFinite ? infinity - 1 : infinity));
}

uint16_t floatToHalf(float value, Rounding rounding) { return encode(value, kHalf, rounding); }
uint16_t doubleToHalf(double value) { return encode(value, kHalf, Rounding::Nearest); }

uint16_t floatToBfloat(float value, Rounding rounding) {
  if (rounding != Rounding::Nearest)
    return encode(value, kBfloat, rounding);
  uint32_t bits = bitsAs<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return 0x7fff;
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// Round to odd: of an inexact sum the neighbour whose last bit is 1. Boldo, Melquiond 2008.
static float narrowToOdd(double value, bool isInexact) {
  auto result = static_cast<float>(value);
  if (static_cast<double>(result) == value && !isInexact)
    return result;
  uint32_t bits = bitsAs<uint32_t>(result);
  if (std::fabs(static_cast<double>(result)) > std::fabs(value))
    --bits;
  return bitsAs<float>(bits | 1);
}

float fusedForNarrowing(float a, float b, float c) {
  double product = static_cast<double>(a) * b, addend = c; // exact: two operands of at most 11 bits
  double sum = product + addend;
  if (!std::isfinite(sum) || sum == 0)
    return static_cast<float>(sum);
  double other = sum - product;
  double error = (product - (sum - other)) + (addend - other);
  if (error == 0)
    return narrowToOdd(sum, false);
  // The sum in f64 is rounded already: step back towards zero where it went away from the exact one.
  bool wentUp = (error < 0) == (sum > 0);
  return narrowToOdd(wentUp ? std::nextafter(sum, 0.0) : sum, true);
}

} // namespace lmopt::ptx
