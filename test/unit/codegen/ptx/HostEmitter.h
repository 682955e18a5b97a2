// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An emitter that computes at once, one number at a time, as a processor with fused multiply-add does: what the code of
// codegen/Functions.h must give, bit for bit.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_HOSTEMITTER_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_HOSTEMITTER_H

#include <cmath>
#include <cstdint>
#include <cstring>

namespace lmopt::kerneltest {

class HostEmitter {
public:
  enum class Type { Int, Float };
  struct Value {
    Type type;
    uint32_t bits;
  };

  static Value of(float x) {
    Value value{Type::Float, 0};
    std::memcpy(&value.bits, &x, 4);
    return value;
  }
  static Value of(int32_t x) { return {Type::Int, static_cast<uint32_t>(x)}; }
  static float number(Value value) {
    float x;
    std::memcpy(&x, &value.bits, 4);
    return x;
  }
  static int32_t integer(Value value) { return static_cast<int32_t>(value.bits); }

  Value floatsOf(float x) { return of(x); }
  Value intsOf(int32_t x) { return of(x); }
  Type floats() { return Type::Float; }
  Type ints() { return Type::Int; }
  Value bitcast(Value x, Type type) { return {type, x.bits}; }
  // Each result is stored, so that the compiler cannot fuse two operations.
  Value add(Value a, Value c) {
    return a.type == Type::Int ? Value{a.type, a.bits + c.bits} : of(rounded(number(a) + number(c)));
  }
  Value sub(Value a, Value c) {
    return a.type == Type::Int ? Value{a.type, a.bits - c.bits} : of(rounded(number(a) - number(c)));
  }
  Value mul(Value a, Value c) { return of(rounded(number(a) * number(c))); }
  Value div(Value a, Value c) { return of(rounded(number(a) / number(c))); }
  Value fma(Value a, Value c, Value sum) { return of(std::fma(number(a), number(c), number(sum))); }
  bool less(Value a, Value c) { return number(a) < number(c); }
  Value select(bool condition, Value a, Value c) { return condition ? a : c; }
  Value min(Value a, Value c) { return less(a, c) ? a : c; }
  Value max(Value a, Value c) { return less(c, a) ? a : c; }
  Value shl(Value a, Value c) { return {a.type, a.bits << c.bits}; }
  Value shrSigned(Value a, Value c) { return of(integer(a) >> c.bits); }
  Value toFloat(Value x) { return of(static_cast<float>(integer(x))); }
  Value roundToInt(Value x) { return of(static_cast<int32_t>(std::nearbyint(number(x)))); }

private:
  static float rounded(volatile float x) { return x; }
};

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_HOSTEMITTER_H
