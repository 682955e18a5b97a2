// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// sqrt, rcp, rsqrt, ex2, lg2, sin, cos, tanh.
//
// The approximate ones are computed in f64 and rounded to f32: hardware differs by some ulp, so tests need tolerances.
// Source: PTX ISA, "Floating Point Instructions". Tested by test/ptx/unit/ArithmeticTest.cpp.
#include "test/ptx/decode/TypeSwitch.h"

namespace lmopt::ptx {

namespace {
/// A function of f32 that is given in f64.
template <double (*kFunction)(double)>
struct Approximate {
  static float apply(float a) { return static_cast<float>(kFunction(a)); }
};

double reciprocal(double a) { return 1 / a; }
double reciprocalRoot(double a) { return 1 / std::sqrt(a); }
double root(double a) { return std::sqrt(a); }
double exponential2(double a) { return std::exp2(a); }
double logarithm2(double a) { return std::log2(a); }
double sine(double a) { return std::sin(a); }
double cosine(double a) { return std::cos(a); }
double hyperbolicTangent(double a) { return std::tanh(a); }

struct Root64 {
  static double apply(double a) { return std::sqrt(a); }
};
struct Reciprocal64 {
  static double apply(double a) { return 1 / a; }
};

void setUnary(StatementDecoder &s, ScalarType type, Handler run) {
  if (!run)
    s.refuse("no such combination of type and modifiers");
  s.out.run = run;
  s.out.result[0] = s.result(type);
  s.out.source[0] = s.source(type);
}

/// .rn.f32, .approx.f32 and .rn.f64. f64 has more than twice the bits of f32, so one more rounding is the right one.
template <double (*kFunction)(double), typename In64>
void decodeRounded(StatementDecoder &s) {
  bool isApproximate = s.expectOneOf({"rn", "approx"}) == 1;
  FloatModifiers modifiers;
  modifiers.flush = s.take("ftz");
  ScalarType type = s.type({ScalarType::F32, ScalarType::F64});
  if (type == ScalarType::F64)
    return setUnary(s, type, isApproximate || modifiers.flush ? nullptr : map1<Float64<In64>, double, double>);
  setUnary(s, type, float32Unary<Approximate<kFunction>>(modifiers));
}

template <double (*kFunction)(double)>
Handler approximateHandler(ScalarType type, FloatModifiers modifiers) {
  switch (type) {
  case ScalarType::F32:
    return float32Unary<Approximate<kFunction>>(modifiers);
  case ScalarType::F16:
    return map1<Float16<Approximate<kFunction>, HalfFormat>, uint16_t, uint16_t>;
  case ScalarType::BF16:
    return map1<Float16<Approximate<kFunction>, BfloatFormat>, uint16_t, uint16_t>;
  case ScalarType::F16x2:
    return map1<Float16Pair<Approximate<kFunction>, HalfFormat>, uint32_t, uint32_t>;
  case ScalarType::BF16x2:
    return map1<Float16Pair<Approximate<kFunction>, BfloatFormat>, uint32_t, uint32_t>;
  default:
    return nullptr;
  }
}

template <double (*kFunction)(double)>
void decodeApproximate(StatementDecoder &s) {
  s.expectOneOf({"approx"});
  FloatModifiers modifiers;
  modifiers.flush = s.take("ftz");
  ScalarType type = s.type({ScalarType::F32});
  setUnary(s, type, approximateHandler<kFunction>(type, modifiers));
}

/// Also for 16 bits.
template <double (*kFunction)(double)>
void decodeApproximateAny(StatementDecoder &s) {
  s.expectOneOf({"approx"});
  FloatModifiers modifiers;
  modifiers.flush = s.take("ftz");
  ScalarType type = s.type({ScalarType::F32, ScalarType::F16, ScalarType::BF16, ScalarType::F16x2, ScalarType::BF16x2});
  if (modifiers.flush && type != ScalarType::F32)
    s.refuse(".ftz is known for f32 only");
  setUnary(s, type, approximateHandler<kFunction>(type, modifiers));
}
} // namespace

void addFloatFunctions(StatementTable &table) {
  table["sqrt"] = decodeRounded<root, Root64>;
  table["rcp"] = decodeRounded<reciprocal, Reciprocal64>;
  table["rsqrt"] = decodeApproximate<reciprocalRoot>;
  table["lg2"] = decodeApproximate<logarithm2>;
  table["sin"] = decodeApproximate<sine>;
  table["cos"] = decodeApproximate<cosine>;
  table["ex2"] = decodeApproximateAny<exponential2>;
  table["tanh"] = decodeApproximateAny<hyperbolicTangent>;
}

} // namespace lmopt::ptx
