// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// add, sub, mul, mad, fma, div, rem, min, max, abs, neg, sad, dp4a for integers and floats.
//
// Integers wrap. Division by zero gives all ones (div) or the dividend (rem), which the ISA leaves open.
// Source: PTX ISA, "Integer Arithmetic", "Floating Point" and "Half Precision Floating Point Instructions".
// Tested by test/ptx/unit/ArithmeticTest.cpp and the oracles.
#include "test/ptx/decode/TypeSwitch.h"

namespace lmopt::ptx {

namespace {
constexpr std::initializer_list<ScalarType> kIntegers = {ScalarType::U16, ScalarType::U32, ScalarType::U64,
                                                         ScalarType::S16, ScalarType::S32, ScalarType::S64};

template <typename T>
using Unsigned = std::make_unsigned_t<T>;
template <typename T>
constexpr bool kIsInteger = std::is_integral_v<T>;

/// Integers in the unsigned type of at least 32 bits: C++ promotes shorter ones to int, where products overflow.
template <typename T, typename F>
T wrapping(T a, T b, F f) {
  using Wide = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  return static_cast<T>(f(static_cast<Wide>(a), static_cast<Wide>(b)));
}

struct Add {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (kIsInteger<T>)
      return wrapping(a, b, [](auto x, auto y) { return x + y; });
    else
      return a + b;
  }
};
struct Subtract {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (kIsInteger<T>)
      return wrapping(a, b, [](auto x, auto y) { return x - y; });
    else
      return a - b;
  }
};
struct Multiply {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (kIsInteger<T>)
      return wrapping(a, b, [](auto x, auto y) { return x * y; });
    else
      return a * b;
  }
};
struct SaturatingAdd {
  static int32_t apply(int32_t a, int32_t b) {
    return static_cast<int32_t>(std::clamp<int64_t>(int64_t(a) + b, INT32_MIN, INT32_MAX));
  }
};
struct SaturatingSubtract {
  static int32_t apply(int32_t a, int32_t b) {
    return static_cast<int32_t>(std::clamp<int64_t>(int64_t(a) - b, INT32_MIN, INT32_MAX));
  }
};

template <typename T>
using Twice =
    std::conditional_t<sizeof(T) == 8, std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>,
                       std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
                                          std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>>>;

struct MultiplyHigh {
  template <typename T>
  static T apply(T a, T b) {
    return static_cast<T>(static_cast<Twice<T>>(a) * b >> (sizeof(T) * 8));
  }
};
struct MultiplyWide {
  template <typename T>
  static Twice<T> apply(T a, T b) {
    return static_cast<Twice<T>>(a) * b;
  }
};
struct MultiplyAdd {
  template <typename T>
  static T apply(T a, T b, T c) {
    return Add::apply(Multiply::apply(a, b), c);
  }
};
struct MultiplyHighAdd {
  template <typename T>
  static T apply(T a, T b, T c) {
    return Add::apply(MultiplyHigh::apply(a, b), c);
  }
};
struct MultiplyWideAdd {
  template <typename T>
  static Twice<T> apply(T a, T b, Twice<T> c) {
    return Add::apply(MultiplyWide::apply(a, b), c);
  }
};
struct FusedMultiplyAdd {
  static float apply(float a, float b, float c) { return std::fma(a, b, c); }
  static double apply(double a, double b, double c) { return std::fma(a, b, c); }
};
struct FusedForNarrowing {
  static float apply(float a, float b, float c) { return fusedForNarrowing(a, b, c); }
};

struct Divide {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (kIsInteger<T>) {
      if (b == 0)
        return static_cast<T>(~T(0));
      if (std::is_signed_v<T> && b == static_cast<T>(-1))
        return Subtract::apply(T(0), a);
      return static_cast<T>(a / b);
    } else {
      return a / b;
    }
  }
};
struct Remainder {
  template <typename T>
  static T apply(T a, T b) {
    if (b == 0)
      return a;
    if (std::is_signed_v<T> && b == static_cast<T>(-1))
      return 0;
    return static_cast<T>(a % b);
  }
};

/// Of two floats one of which is NaN the other; -0 is less than +0.
struct Minimum {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (kIsInteger<T>)
      return a < b ? a : b;
    else
      return isNan(a) ? b : isNan(b) ? a : a < b || (a == b && std::signbit(a)) ? a : b;
  }
};
struct Maximum {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (kIsInteger<T>)
      return a > b ? a : b;
    else
      return isNan(a) ? b : isNan(b) ? a : a > b || (a == b && !std::signbit(a)) ? a : b;
  }
};
template <typename Op>
struct NanPropagating {
  template <typename T>
  static T apply(T a, T b) {
    return isNan(a) || isNan(b) ? std::numeric_limits<T>::quiet_NaN() : Op::apply(a, b);
  }
};

struct Negate {
  template <typename T>
  static T apply(T a) {
    return Subtract::apply(T(0), a);
  }
};
struct Absolute {
  template <typename T>
  static T apply(T a) {
    return a < 0 ? Negate::apply(a) : a;
  }
};
/// Signs of floats are bits: also a NaN's.
template <uint32_t kKeep, uint32_t kFlip>
struct SignBits {
  static uint32_t apply(uint32_t a) { return (a & kKeep) ^ kFlip; }
};
template <bool kIsNegate, bool kFlush>
struct SignOfFloat {
  static float apply(float a) {
    uint32_t bits = bitsAs<uint32_t>(kFlush ? flushed(a) : a);
    return bitsAs<float>(kIsNegate ? bits ^ 0x80000000u : bits & 0x7fffffffu);
  }
};
template <bool kIsNegate>
struct SignOfDouble {
  static uint64_t apply(uint64_t a) { return kIsNegate ? a ^ uint64_t(1) << 63 : a & ~(uint64_t(1) << 63); }
};

struct AbsoluteDifference {
  template <typename T>
  static T apply(T a, T b, T c) {
    return Add::apply(c, a < b ? Subtract::apply(b, a) : Subtract::apply(a, b));
  }
};

/// c + the sum of four products of bytes.
template <typename A, typename B>
struct DotProduct4 {
  static uint32_t apply(uint32_t a, uint32_t b, uint32_t c) {
    for (unsigned i = 0; i < 32; i += 8)
      c += static_cast<uint32_t>(static_cast<A>(a >> i) * static_cast<B>(b >> i));
    return c;
  }
};

void setBinary(StatementDecoder &s, ScalarType type, Handler run) {
  if (!run)
    s.refuse("no such combination of type and modifiers");
  s.out.run = run;
  s.out.result[0] = s.result(type);
  s.out.source[0] = s.source(type);
  s.out.source[1] = s.source(type);
}

/// Rounding other than to nearest is refused; on f32, .ftz and .sat.
FloatModifiers takeFloatModifiers(StatementDecoder &s) {
  s.take("rn");
  FloatModifiers modifiers;
  modifiers.flush = s.take("ftz");
  modifiers.saturate = s.take("sat");
  return modifiers;
}

bool isFloatNext(StatementDecoder &s) {
  for (const char *name : {"rn", "ftz", "f16", "bf16", "f16x2", "bf16x2", "f32", "f64"})
    if (s.has(name))
      return true;
  return false;
}

template <typename Op>
void decodeFloatBinary(StatementDecoder &s) {
  FloatModifiers modifiers = takeFloatModifiers(s);
  ScalarType type = s.type(
      {ScalarType::F16, ScalarType::BF16, ScalarType::F16x2, ScalarType::BF16x2, ScalarType::F32, ScalarType::F64});
  setBinary(s, type, floatBinary<Op>(type, modifiers));
}

template <typename Op, typename Saturating>
void decodeSum(StatementDecoder &s) {
  if (isFloatNext(s))
    return decodeFloatBinary<Op>(s);
  bool saturate = s.take("sat");
  ScalarType type = s.type(kIntegers);
  if (saturate && type != ScalarType::S32)
    s.refuse(".sat is for s32");
  setBinary(s, type, saturate ? map2<Saturating, int32_t, int32_t, int32_t> : integerBinary<Op>(type));
}

Handler wideProduct(ScalarType type) {
  switch (type) {
  case ScalarType::S16:
    return map2<MultiplyWide, int32_t, int16_t, int16_t>;
  case ScalarType::U16:
    return map2<MultiplyWide, uint32_t, uint16_t, uint16_t>;
  case ScalarType::S32:
    return map2<MultiplyWide, int64_t, int32_t, int32_t>;
  case ScalarType::U32:
    return map2<MultiplyWide, uint64_t, uint32_t, uint32_t>;
  default:
    return nullptr;
  }
}

template <typename T>
struct WideSum {
  static Twice<T> apply(T a, T b, Twice<T> c) { return MultiplyWideAdd::apply<T>(a, b, c); }
};

Handler wideSum(ScalarType type) {
  switch (type) {
  case ScalarType::S16:
    return map3<WideSum<int16_t>, int32_t, int16_t, int16_t, int32_t>;
  case ScalarType::U16:
    return map3<WideSum<uint16_t>, uint32_t, uint16_t, uint16_t, uint32_t>;
  case ScalarType::S32:
    return map3<WideSum<int32_t>, int64_t, int32_t, int32_t, int64_t>;
  case ScalarType::U32:
    return map3<WideSum<uint32_t>, uint64_t, uint32_t, uint32_t, uint64_t>;
  default:
    return nullptr;
  }
}

/// The type of twice the bits, for .wide.
ScalarType widened(StatementDecoder &s, ScalarType type) {
  switch (type) {
  case ScalarType::S16:
    return ScalarType::S32;
  case ScalarType::U16:
    return ScalarType::U32;
  case ScalarType::S32:
    return ScalarType::S64;
  case ScalarType::U32:
    return ScalarType::U64;
  default:
    s.refuse(".wide is for 16 and 32 bits");
  }
}

void decodeMultiply(StatementDecoder &s) {
  if (isFloatNext(s))
    return decodeFloatBinary<Multiply>(s);
  int part = s.expectOneOf({"lo", "hi", "wide"});
  ScalarType type = s.type(kIntegers);
  if (part < 2)
    return setBinary(s, type, part == 0 ? integerBinary<Multiply>(type) : integerBinary<MultiplyHigh>(type));
  s.out.result[0] = s.result(widened(s, type));
  s.out.source[0] = s.source(type);
  s.out.source[1] = s.source(type);
  s.out.run = wideProduct(type);
}

void setTernary(StatementDecoder &s, ScalarType result, ScalarType type, ScalarType addend, Handler run) {
  if (!run)
    s.refuse("no such combination of type and modifiers");
  s.out.run = run;
  s.out.result[0] = s.result(result);
  s.out.source[0] = s.source(type);
  s.out.source[1] = s.source(type);
  s.out.source[2] = s.source(addend);
}

Handler fusedHandler(ScalarType type, FloatModifiers m) {
  using F = FusedMultiplyAdd;
  if (type == ScalarType::F32)
    return m.saturate ? (m.flush ? kFloat32Ternary<F, true, true> : kFloat32Ternary<F, false, true>)
                      : (m.flush ? kFloat32Ternary<F, true, false> : kFloat32Ternary<F, false, false>);
  if (m.flush || m.saturate)
    return nullptr;
  switch (type) {
  case ScalarType::F64:
    return map3<Float64<F>, double, double, double, double>;
  case ScalarType::F16:
    return map3<Float16<FusedForNarrowing, HalfFormat>, uint16_t, uint16_t, uint16_t, uint16_t>;
  case ScalarType::BF16:
    return map3<Float16<FusedForNarrowing, BfloatFormat>, uint16_t, uint16_t, uint16_t, uint16_t>;
  case ScalarType::F16x2:
    return map3<Float16Pair<FusedForNarrowing, HalfFormat>, uint32_t, uint32_t, uint32_t, uint32_t>;
  case ScalarType::BF16x2:
    return map3<Float16Pair<FusedForNarrowing, BfloatFormat>, uint32_t, uint32_t, uint32_t, uint32_t>;
  default:
    return nullptr;
  }
}

void decodeFused(StatementDecoder &s) {
  if (!s.has("rn"))
    s.refuse("only rounding to nearest (.rn) is known");
  FloatModifiers modifiers = takeFloatModifiers(s);
  ScalarType type = s.type(
      {ScalarType::F16, ScalarType::BF16, ScalarType::F16x2, ScalarType::BF16x2, ScalarType::F32, ScalarType::F64});
  setTernary(s, type, type, type, fusedHandler(type, modifiers));
}

void decodeMad(StatementDecoder &s) {
  if (isFloatNext(s))
    return decodeFused(s);
  int part = s.expectOneOf({"lo", "hi", "wide"});
  ScalarType type = s.type(kIntegers);
  if (part == 2)
    return setTernary(s, widened(s, type), type, widened(s, type), wideSum(type));
  setTernary(s, type, type, type,
             part == 0 ? integerTernary<MultiplyAdd>(type) : integerTernary<MultiplyHighAdd>(type));
}

void decodeDivide(StatementDecoder &s) {
  if (!isFloatNext(s) && !s.has("full") && !s.has("approx")) {
    ScalarType type = s.type(kIntegers);
    return setBinary(s, type, integerBinary<Divide>(type));
  }
  s.expectOneOf({"rn", "full", "approx"}); // computed exactly in any case
  FloatModifiers modifiers;
  modifiers.flush = s.take("ftz");
  ScalarType type = s.type({ScalarType::F32, ScalarType::F64});
  setBinary(s, type, floatBinary<Divide>(type, modifiers));
}

void decodeRemainder(StatementDecoder &s) {
  ScalarType type = s.type(kIntegers);
  setBinary(s, type, integerBinary<Remainder>(type));
}

template <typename Op>
void decodeExtremum(StatementDecoder &s) {
  FloatModifiers modifiers;
  modifiers.flush = s.take("ftz");
  bool nan = s.take("NaN");
  ScalarType type = s.peekType();
  if (!isFloat(type)) {
    if (nan || modifiers.flush)
      s.refuse("a modifier of floats");
    type = s.type(kIntegers);
    return setBinary(s, type, integerBinary<Op>(type));
  }
  type = s.type(
      {ScalarType::F16, ScalarType::BF16, ScalarType::F16x2, ScalarType::BF16x2, ScalarType::F32, ScalarType::F64});
  if (nan && type == ScalarType::F64)
    s.refuse(".NaN is not for f64");
  setBinary(s, type, nan ? floatBinary<NanPropagating<Op>>(type, modifiers) : floatBinary<Op>(type, modifiers));
}

template <bool kIsNegate>
Handler signHandler(ScalarType type, bool flush) {
  constexpr uint32_t kKeep = kIsNegate ? ~0u : 0x7fff7fff, kFlip = kIsNegate ? 0x80008000 : 0;
  if (flush)
    return type == ScalarType::F32 ? map1<SignOfFloat<kIsNegate, true>, float, float> : nullptr;
  switch (type) {
  case ScalarType::F32:
    return map1<SignOfFloat<kIsNegate, false>, float, float>;
  case ScalarType::F64:
    return map1<SignOfDouble<kIsNegate>, uint64_t, uint64_t>;
  case ScalarType::F16:
  case ScalarType::BF16:
    return map1<SignBits<kKeep, kFlip>, uint16_t, uint16_t>;
  case ScalarType::F16x2:
  case ScalarType::BF16x2:
    return map1<SignBits<kKeep, kFlip>, uint32_t, uint32_t>;
  default:
    return kIsNegate ? integerUnary<Negate>(type) : integerUnary<Absolute>(type);
  }
}

template <bool kIsNegate>
void decodeSign(StatementDecoder &s) {
  bool flush = s.take("ftz");
  ScalarType type = s.type({ScalarType::S16, ScalarType::S32, ScalarType::S64, ScalarType::F16, ScalarType::BF16,
                            ScalarType::F16x2, ScalarType::BF16x2, ScalarType::F32, ScalarType::F64});
  s.out.run = signHandler<kIsNegate>(type, flush);
  if (!s.out.run)
    s.refuse(".ftz is for f32");
  s.out.result[0] = s.result(type);
  s.out.source[0] = s.source(type);
}

void decodeAbsoluteDifference(StatementDecoder &s) {
  ScalarType type = s.type(kIntegers);
  setTernary(s, type, type, type, integerTernary<AbsoluteDifference>(type));
}

void decodeDotProduct(StatementDecoder &s) {
  bool a = s.type({ScalarType::S32, ScalarType::U32}) == ScalarType::S32;
  bool b = s.type({ScalarType::S32, ScalarType::U32}) == ScalarType::S32;
  ScalarType type = ScalarType::B32;
  Handler run = a ? (b ? map3<DotProduct4<int8_t, int8_t>, uint32_t, uint32_t, uint32_t, uint32_t>
                       : map3<DotProduct4<int8_t, uint8_t>, uint32_t, uint32_t, uint32_t, uint32_t>)
                  : (b ? map3<DotProduct4<uint8_t, int8_t>, uint32_t, uint32_t, uint32_t, uint32_t>
                       : map3<DotProduct4<uint8_t, uint8_t>, uint32_t, uint32_t, uint32_t, uint32_t>);
  setTernary(s, type, type, type, run);
}
} // namespace

void addArithmetic(StatementTable &table) {
  table["add"] = decodeSum<Add, SaturatingAdd>;
  table["sub"] = decodeSum<Subtract, SaturatingSubtract>;
  table["mul"] = decodeMultiply;
  table["mad"] = decodeMad;
  table["fma"] = decodeFused;
  table["div"] = decodeDivide;
  table["rem"] = decodeRemainder;
  table["min"] = decodeExtremum<Minimum>;
  table["max"] = decodeExtremum<Maximum>;
  table["neg"] = decodeSign<true>;
  table["abs"] = decodeSign<false>;
  table["sad"] = decodeAbsoluteDifference;
  table["dp4a"] = decodeDotProduct;
}

} // namespace lmopt::ptx
