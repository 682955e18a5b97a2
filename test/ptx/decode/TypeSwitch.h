// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a scalar type to a handler made for its C++ type. A type that a switch does not name gives nullptr, which the
// decoders refuse.
#ifndef LMOPT_TEST_PTX_DECODE_TYPESWITCH_H
#define LMOPT_TEST_PTX_DECODE_TYPESWITCH_H

#include "test/ptx/decode/Decoder.h"
#include "test/ptx/machine/Float.h"

namespace lmopt::ptx {

/// Op::apply<T>(a, b) -> T for integers; bits count as unsigned.
template <typename Op>
Handler integerBinary(ScalarType type) {
  switch (type) {
  case ScalarType::S16:
    return map2<Op, int16_t, int16_t, int16_t>;
  case ScalarType::U16:
  case ScalarType::B16:
    return map2<Op, uint16_t, uint16_t, uint16_t>;
  case ScalarType::S32:
    return map2<Op, int32_t, int32_t, int32_t>;
  case ScalarType::U32:
  case ScalarType::B32:
    return map2<Op, uint32_t, uint32_t, uint32_t>;
  case ScalarType::S64:
    return map2<Op, int64_t, int64_t, int64_t>;
  case ScalarType::U64:
  case ScalarType::B64:
    return map2<Op, uint64_t, uint64_t, uint64_t>;
  default:
    return nullptr;
  }
}

template <typename Op>
Handler integerTernary(ScalarType type) {
  switch (type) {
  case ScalarType::S16:
    return map3<Op, int16_t, int16_t, int16_t, int16_t>;
  case ScalarType::U16:
    return map3<Op, uint16_t, uint16_t, uint16_t, uint16_t>;
  case ScalarType::S32:
    return map3<Op, int32_t, int32_t, int32_t, int32_t>;
  case ScalarType::U32:
    return map3<Op, uint32_t, uint32_t, uint32_t, uint32_t>;
  case ScalarType::S64:
    return map3<Op, int64_t, int64_t, int64_t, int64_t>;
  case ScalarType::U64:
    return map3<Op, uint64_t, uint64_t, uint64_t, uint64_t>;
  default:
    return nullptr;
  }
}

template <typename Op>
Handler integerUnary(ScalarType type) {
  switch (type) {
  case ScalarType::S16:
    return map1<Op, int16_t, int16_t>;
  case ScalarType::B16:
    return map1<Op, uint16_t, uint16_t>;
  case ScalarType::S32:
    return map1<Op, int32_t, int32_t>;
  case ScalarType::B32:
  case ScalarType::U32:
    return map1<Op, uint32_t, uint32_t>;
  case ScalarType::S64:
    return map1<Op, int64_t, int64_t>;
  case ScalarType::B64:
  case ScalarType::U64:
    return map1<Op, uint64_t, uint64_t>;
  default:
    return nullptr;
  }
}

/// f32 with what its modifiers add.
template <typename Op, bool kFlush, bool kSaturate>
struct Float32 {
  static float in(float value) { return kFlush ? flushed(value) : value; }
  static float out(float value) {
    value = canonical(kFlush ? flushed(value) : value);
    return kSaturate ? saturated(value) : value;
  }
  template <typename... T>
  static float apply(T... values) {
    return out(Op::apply(in(values)...));
  }
};

template <typename Op>
struct Float64 {
  template <typename... T>
  static double apply(T... values) {
    return canonical(Op::apply(values...));
  }
};

/// Two operands of 16 bits, in f32, rounded once more: f32 has more than twice their bits, so that is the right result.
template <typename Op, typename Format>
struct Float16 {
  template <typename... T>
  static uint16_t apply(T... values) {
    return Format::narrow(Op::apply(Format::widen(static_cast<uint16_t>(values))...));
  }
};

template <typename Op, typename Format>
struct Float16Pair {
  template <typename... T>
  static uint32_t apply(T... values) {
    return Float16<Op, Format>::apply(static_cast<uint16_t>(values)...) |
           uint32_t(Float16<Op, Format>::apply(static_cast<uint16_t>(values >> 16)...)) << 16;
  }
};

struct FloatModifiers {
  bool flush = false, saturate = false;
};

template <typename Op>
Handler float32Unary(FloatModifiers m) {
  if (m.saturate)
    return m.flush ? map1<Float32<Op, true, true>, float, float> : map1<Float32<Op, false, true>, float, float>;
  return m.flush ? map1<Float32<Op, true, false>, float, float> : map1<Float32<Op, false, false>, float, float>;
}

template <typename Op, bool kFlush, bool kSaturate>
constexpr Handler kFloat32Binary = map2<Float32<Op, kFlush, kSaturate>, float, float, float>;
template <typename Op, bool kFlush, bool kSaturate>
constexpr Handler kFloat32Ternary = map3<Float32<Op, kFlush, kSaturate>, float, float, float, float>;

/// f16 and bf16 take neither modifier here.
template <typename Op>
Handler floatBinary(ScalarType type, FloatModifiers m) {
  if (type == ScalarType::F32)
    return m.saturate ? (m.flush ? kFloat32Binary<Op, true, true> : kFloat32Binary<Op, false, true>)
                      : (m.flush ? kFloat32Binary<Op, true, false> : kFloat32Binary<Op, false, false>);
  if (m.saturate || m.flush)
    return nullptr;
  switch (type) {
  case ScalarType::F64:
    return map2<Float64<Op>, double, double, double>;
  case ScalarType::F16:
    return map2<Float16<Op, HalfFormat>, uint16_t, uint16_t, uint16_t>;
  case ScalarType::BF16:
    return map2<Float16<Op, BfloatFormat>, uint16_t, uint16_t, uint16_t>;
  case ScalarType::F16x2:
    return map2<Float16Pair<Op, HalfFormat>, uint32_t, uint32_t, uint32_t>;
  case ScalarType::BF16x2:
    return map2<Float16Pair<Op, BfloatFormat>, uint32_t, uint32_t, uint32_t>;
  default:
    return nullptr;
  }
}

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_DECODE_TYPESWITCH_H
