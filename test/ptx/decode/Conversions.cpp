// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cvt: between integers, between floats, and from one to the other, with rounding, saturation and packing.
//
// Float to integer saturates and makes NaN 0 (f32) or the greatest negative number's bits (f64), as hardware does.
// Source: PTX ISA, "cvt", "cvt.pack". Tested by test/ptx/unit/ConvertTest.cpp and the oracles.
#include "test/ptx/decode/TypeSwitch.h"

#include <limits>

namespace lmopt::ptx {

namespace {
constexpr std::initializer_list<ScalarType> kConvertible = {
    ScalarType::U8,  ScalarType::U16, ScalarType::U32, ScalarType::U64, ScalarType::S8,   ScalarType::S16,
    ScalarType::S32, ScalarType::S64, ScalarType::F16, ScalarType::F32, ScalarType::BF16, ScalarType::F64};

/// Every source is read as one of three: an integer of 64 bits, its sign, or an f64, which holds f32, f16 and bf16.
struct Number {
  bool isFloat = false, isNegative = false;
  uint64_t integer = 0; // two's complement
  double real = 0;
};

Number readNumber(ScalarType type, uint64_t bits) {
  auto integer = [](int64_t value) { return Number{false, value < 0, static_cast<uint64_t>(value), 0}; };
  auto real = [](double value) { return Number{true, std::signbit(value), 0, value}; };
  switch (type) {
  case ScalarType::S8:
    return integer(static_cast<int8_t>(bits));
  case ScalarType::S16:
    return integer(static_cast<int16_t>(bits));
  case ScalarType::S32:
    return integer(static_cast<int32_t>(bits));
  case ScalarType::S64:
    return integer(static_cast<int64_t>(bits));
  case ScalarType::U8:
    return {false, false, bits & 0xff, 0};
  case ScalarType::U16:
    return {false, false, bits & 0xffff, 0};
  case ScalarType::U32:
    return {false, false, bits & 0xffffffff, 0};
  case ScalarType::F16:
    return real(halfToFloat(static_cast<uint16_t>(bits)));
  case ScalarType::BF16:
    return real(bfloatToFloat(static_cast<uint16_t>(bits)));
  case ScalarType::F32:
    return real(bitsAs<float>(static_cast<uint32_t>(bits)));
  case ScalarType::F64:
    return real(bitsAs<double>(bits));
  default:
    return {false, false, bits, 0};
  }
}

struct Range {
  int64_t least;
  uint64_t most;
};

Range rangeOf(ScalarType type) {
  unsigned bits = sizeOf(type) * 8;
  if (isSigned(type))
    return {std::numeric_limits<int64_t>::min() >> (64 - bits), (uint64_t(1) << (bits - 1)) - 1};
  return {0, ~uint64_t(0) >> (64 - bits)};
}

/// An f64 holds the limits of all types but the greatest ones of 64 bits, which round up to a power of two.
uint64_t realToInteger(double value, ScalarType type, uint8_t rounding, ScalarType from) {
  Range range = rangeOf(type);
  if (value != value)
    return from == ScalarType::F64 && sizeOf(type) == 8 ? uint64_t(1) << 63 : 0;
  value = roundToInteger(value, static_cast<Rounding>(rounding));
  if (value <= static_cast<double>(range.least))
    return static_cast<uint64_t>(range.least);
  if (value >= static_cast<double>(range.most))
    return range.most;
  return isSigned(type) ? static_cast<uint64_t>(static_cast<int64_t>(value)) : static_cast<uint64_t>(value);
}

uint64_t saturateInteger(Number number, ScalarType type) {
  Range range = rangeOf(type);
  if (number.isNegative)
    return static_cast<uint64_t>(std::max(static_cast<int64_t>(number.integer), range.least));
  return std::min(number.integer, range.most);
}

float integerToFloat(Number number, uint8_t rounding) {
  bool isExact = false;
  auto direct =
      number.isNegative ? static_cast<float>(static_cast<int64_t>(number.integer)) : static_cast<float>(number.integer);
  if (static_cast<Rounding>(rounding) == Rounding::Nearest)
    return direct;
  __int128 exact = number.isNegative ? static_cast<__int128>(static_cast<int64_t>(number.integer))
                                     : static_cast<__int128>(number.integer);
  auto back = static_cast<__int128>(direct);
  isExact = back == exact;
  if (isExact)
    return direct;
  bool isAbove = back > exact;
  switch (static_cast<Rounding>(rounding)) {
  case Rounding::Zero:
    return isAbove == (exact > 0) ? std::nextafterf(direct, 0) : direct;
  case Rounding::Down:
    return isAbove ? std::nextafterf(direct, -INFINITY) : direct;
  default:
    return isAbove ? direct : std::nextafterf(direct, INFINITY);
  }
}

float doubleToFloat(double value, uint8_t rounding) {
  auto nearest = static_cast<float>(value);
  double back = nearest;
  if (back == value || value != value)
    return nearest;
  switch (static_cast<Rounding>(rounding)) {
  case Rounding::Nearest:
    return nearest;
  case Rounding::Zero:
    return std::fabs(back) > std::fabs(value) ? std::nextafterf(nearest, 0) : nearest;
  case Rounding::Down:
    return back > value ? std::nextafterf(nearest, -INFINITY) : nearest;
  case Rounding::Up:
    return back < value ? std::nextafterf(nearest, INFINITY) : nearest;
  }
  return nearest;
}

/// What an instruction is made of: `elements` says the result's type, `type` the source's, `option` the rounding.
struct Conversion {
  ScalarType from, to;
  uint8_t rounding;
  bool toIntegral; // .rni and its like
  bool saturate, flush;
};

uint64_t writeFloat(Number number, const Conversion &c) {
  double value = number.real;
  if (number.isFloat && c.flush && (c.from == ScalarType::F32 || c.to == ScalarType::F32))
    value = std::fabs(value) < 0x1p-126 ? std::copysign(0.0, value) : value;
  if (number.isFloat && c.toIntegral)
    value = roundToInteger(value, static_cast<Rounding>(c.rounding));
  if (c.to == ScalarType::F64)
    return bitsAs<uint64_t>(canonical(number.isFloat      ? value
                                      : number.isNegative ? static_cast<double>(static_cast<int64_t>(number.integer))
                                                          : static_cast<double>(number.integer)));
  if (c.to == ScalarType::F16 && c.from == ScalarType::F64)
    return doubleToHalf(value);
  float narrow = number.isFloat ? doubleToFloat(value, c.rounding) : integerToFloat(number, c.rounding);
  narrow = c.saturate ? saturated(narrow) : narrow;
  narrow = c.flush ? flushed(narrow) : narrow;
  auto rounding = static_cast<Rounding>(c.rounding);
  if (c.to == ScalarType::F16)
    return floatToHalf(narrow, rounding);
  if (c.to == ScalarType::BF16)
    return floatToBfloat(narrow, rounding);
  return bitsAs<uint32_t>(canonical(narrow));
}

uint64_t convert(uint64_t bits, const Conversion &c) {
  Number number = readNumber(c.from, bits);
  if (isFloat(c.to))
    return writeFloat(number, c);
  if (!number.isFloat)
    return c.saturate ? saturateInteger(number, c.to) : number.integer;
  if (c.flush && std::fabs(number.real) < 0x1p-126)
    number.real = 0;
  return realToInteger(number.real, c.to, c.rounding, c.from);
}

/// The value in a register that may be wider: integers are extended by their sign.
uint64_t extend(uint64_t bits, ScalarType type, bool isHalfRegister) {
  unsigned unused = 64 - sizeOf(type) * 8;
  uint64_t wide =
      isSigned(type) ? static_cast<uint64_t>(static_cast<int64_t>(bits << unused) >> unused) : bits << unused >> unused;
  return isHalfRegister ? wide & 0xffff : wide;
}

constexpr uint8_t kIntegralBit = 4, kSaturateBit = 8, kFlushBit = 16, kHalfRegisterBit = 32;

Conversion conversionOf(const Instruction &i) {
  return {i.type,
          static_cast<ScalarType>(i.elements),
          static_cast<uint8_t>(i.option & 3),
          (i.option & kIntegralBit) != 0,
          (i.option & kSaturateBit) != 0,
          (i.option & kFlushBit) != 0};
}

void runConvert(Warp &warp, const Instruction &i, uint32_t mask) {
  Conversion conversion = conversionOf(i);
  bool fromWide = i.wideElements & 1, toWide = i.wideElements & 2;
  forLanes(mask, [&](uint32_t lane) {
    uint64_t bits = fromWide ? wideWords(warp, i.source[0])[lane] : words(warp, i.source[0])[lane];
    uint64_t value = extend(convert(bits, conversion), conversion.to, i.option & kHalfRegisterBit);
    if (toWide)
      wideWords(warp, i.result[0])[lane] = value;
    else
      words(warp, i.result[0])[lane] = static_cast<uint32_t>(value);
  });
}

/// The conversions that kernels do all the time, without the detour.
struct SignedToFloat {
  static float apply(int32_t a) { return static_cast<float>(a); }
};
struct UnsignedToFloat {
  static float apply(uint32_t a) { return static_cast<float>(a); }
};
struct HalfWiden {
  static float apply(uint16_t a) { return canonical(halfToFloat(a)); }
};
struct BfloatWiden {
  static float apply(uint16_t a) { return canonical(bfloatToFloat(a)); }
};
struct BfloatNarrow {
  static uint16_t apply(float a) { return floatToBfloat(a); }
};
template <typename D, typename A>
struct Cast {
  static D apply(A a) { return static_cast<D>(a); }
};

Handler quickHandler(const Instruction &i) {
  ScalarType to = static_cast<ScalarType>(i.elements), from = i.type;
  if (i.option != 0)
    return nullptr;
  if (to == ScalarType::F32 && from == ScalarType::S32)
    return map1<SignedToFloat, float, int32_t>;
  if (to == ScalarType::F32 && from == ScalarType::U32)
    return map1<UnsignedToFloat, float, uint32_t>;
  if (to == ScalarType::F32 && from == ScalarType::F16)
    return map1<HalfWiden, float, uint16_t>;
  if (to == ScalarType::F32 && from == ScalarType::BF16)
    return map1<BfloatWiden, float, uint16_t>;
  if (to == ScalarType::BF16 && from == ScalarType::F32)
    return map1<BfloatNarrow, uint16_t, float>;
  if (to == ScalarType::U64 && from == ScalarType::U32)
    return map1<Cast<uint64_t, uint32_t>, uint64_t, uint32_t>;
  if (to == ScalarType::S64 && from == ScalarType::S32)
    return map1<Cast<int64_t, int32_t>, int64_t, int32_t>;
  return nullptr;
}

/// cvt.rn.bf16x2.f32 d, a, b: a in the upper half.
template <typename Format>
struct Pack {
  static uint32_t apply(float a, float b) { return uint32_t(Format::narrow(a)) << 16 | Format::narrow(b); }
};
template <typename Format>
struct PackPositive {
  static uint16_t one(float a) { return a < 0 || (a == 0 && std::signbit(a)) ? uint16_t(0) : Format::narrow(a); }
  static uint32_t apply(float a, float b) { return uint32_t(one(a)) << 16 | one(b); }
};

void decodePacked(StatementDecoder &s, ScalarType to) {
  s.type({ScalarType::F32});
  bool isHalf = to == ScalarType::F16x2;
  bool isPositive = s.out.flag;
  s.out.run = isHalf ? (isPositive ? map2<PackPositive<HalfFormat>, uint32_t, float, float>
                                   : map2<Pack<HalfFormat>, uint32_t, float, float>)
                     : (isPositive ? map2<PackPositive<BfloatFormat>, uint32_t, float, float>
                                   : map2<Pack<BfloatFormat>, uint32_t, float, float>);
  s.out.result[0] = s.result(to);
  s.out.source[0] = s.source(ScalarType::F32);
  s.out.source[1] = s.source(ScalarType::F32);
}

struct ToTf32 {
  static uint32_t apply(float a) { return roundToTf32(a); }
};

void decodeToTf32(StatementDecoder &s) {
  s.type({ScalarType::TF32});
  s.type({ScalarType::F32});
  s.out.run = map1<ToTf32, uint32_t, float>;
  s.out.result[0] = s.result(ScalarType::B32);
  s.out.source[0] = s.source(ScalarType::F32);
}

bool needsRounding(ScalarType to, ScalarType from) {
  return isFloat(to) && (!isFloat(from) || sizeOf(to) < sizeOf(from) || (to != from && sizeOf(to) == 2));
}

void checkRounding(StatementDecoder &s, ScalarType to, ScalarType from, int integral, int rounding) {
  bool toInteger = isFloat(from) && !isFloat(to);
  if (toInteger && integral < 0)
    s.refuse("a rounding to an integer is missing (.rni, .rzi, .rmi, .rpi)");
  if (integral >= 0 && !toInteger && !(isFloat(to) && to == from))
    s.refuse("a rounding to an integer where there is nothing to round");
  if (needsRounding(to, from) && rounding < 0)
    s.refuse("a rounding is missing (.rn, .rz, .rm, .rp)");
  if (rounding >= 0 && !needsRounding(to, from))
    s.refuse("a rounding where there is nothing to round");
}

void setOperands(StatementDecoder &s, ScalarType to, ScalarType from) {
  bool fromWide = false, toWide = false;
  const Operand &result = s.takeOperand();
  s.out.result[0] = s.wideResultOf(result, to, toWide);
  s.out.source[0] = s.wideSourceOf(s.takeOperand(), from, fromWide);
  s.out.wideElements = static_cast<uint8_t>(fromWide | toWide << 1);
  bool isHalf = sizeOf(s.registerType(result)) == 2;
  s.out.option |= isHalf && isSigned(to) ? kHalfRegisterBit : 0;
  bool exactSizes = fromWide == (sizeOf(from) == 8) && toWide == (sizeOf(to) == 8);
  Handler quick = exactSizes ? quickHandler(s.out) : nullptr;
  s.out.run = quick ? quick : runConvert;
}

void decodeConvert(StatementDecoder &s) {
  int integral = s.takeOneOf({"rni", "rzi", "rmi", "rpi"});
  if (s.take("rna"))
    return decodeToTf32(s);
  int rounding = s.takeOneOf({"rn", "rz", "rm", "rp"});
  bool flush = s.take("ftz"), saturate = s.take("sat");
  s.out.flag = s.take("relu");
  if (s.peekType() == ScalarType::F16x2 || s.peekType() == ScalarType::BF16x2) {
    if (rounding != 0 || integral >= 0 || flush || saturate)
      s.refuse("two floats are packed with .rn");
    return decodePacked(s, s.type({ScalarType::F16x2, ScalarType::BF16x2}));
  }
  if (s.out.flag)
    s.refuse(".relu is known for packed results only");
  ScalarType to = s.type(kConvertible), from = s.type(kConvertible);
  checkRounding(s, to, from, integral, rounding);
  s.out.type = from;
  s.out.elements = static_cast<uint8_t>(to);
  s.out.option = static_cast<uint8_t>(std::max({integral, rounding, 0}) | (integral >= 0 ? kIntegralBit : 0) |
                                      (saturate ? kSaturateBit : 0) | (flush ? kFlushBit : 0));
  setOperands(s, to, from);
}
} // namespace

void addConversions(StatementTable &table) { table["cvt"] = decodeConvert; }

} // namespace lmopt::ptx
