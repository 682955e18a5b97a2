// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementary functions as straight code: exp, log, erf, tanh, sigmoid, activations. In fp32, without tables or
// branches, the same operations in the same order for every target, so that the bits are the same wherever a * b + c is
// rounded once. `E` is a target's emitter, whose values are vectors on CPUs and one number a thread on GPUs. Errors
// (measured over all magnitudes by test/unit/codegen/VectorMathTest.cpp): exp 2 ulp; log 3 ulp; absolute: erf 6e-7,
// tanh 2e-7, sigmoid 1.5e-7. That GPUs give the same bits: test/unit/codegen/ptx/RowsTest.cpp.
#ifndef LMOPT_CODEGEN_FUNCTIONS_H
#define LMOPT_CODEGEN_FUNCTIONS_H

#include "dialects/lm/Kinds.h"

#include "llvm/ADT/ArrayRef.h"

namespace lmopt::functions {

// exp(e, x) = 2^n * exp(e, r), n = round(x / ln 2), |r| <= ln 2 / 2. ln 2 is split in two parts so that n * ln 2 is
// exact in the first (n has at most 8 bits, the high part 15 zero bits). The polynomial is the Taylor series to r^7:
// the next term is below 2^-8 r^8 / 157 < 6e-9, less than half an ulp of the result in [0.7, 1.42].
template <typename E>
typename E::Value exp(E &e, typename E::Value x) {
  // Below -87.3 the true result is under the smallest normal float and becomes about 1e-38; above 88.3 it would
  // overflow.
  x = e.max(e.min(x, e.floatsOf(88.3762626647949f)), e.floatsOf(-87.3365478515625f));
  auto scaled = e.mul(x, e.floatsOf(1.44269504088896341f));
  auto n = e.roundToInt(scaled);
  auto nf = e.toFloat(n);
  auto r = e.fma(nf, e.floatsOf(-0.693359375f), x);
  r = e.fma(nf, e.floatsOf(2.12194440e-4f), r);
  auto p = e.floatsOf(1.0f / 5040);
  for (float c : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
    p = e.fma(p, r, e.floatsOf(c));
  // 2^n by adding n to the exponent bits of p (p is in [0.7, 1.42], so the exponent cannot leave its field here).
  return e.bitcast(e.add(e.bitcast(p, e.ints()), e.shl(n, e.intsOf(23))), e.floats());
}

// log(x) = n ln 2 + log(m), x = 2^n m with m in [sqrt(1/2), sqrt(2)): log(m) = 2 s + 2 s^3 / 3 + 2 s^5 / 5 + ... with
// s = (m - 1) / (m + 1), |s| < 0.1716; what the series leaves out behind s^9 is below 2 s^11 / 11 < 7e-10, and below
// 2e-9 of the first term. ln 2 in two parts, as in exp.
template <typename E>
typename E::Value log(E &e, typename E::Value x) {
  auto bits = e.bitcast(x, e.ints());
  // 0x3f3504f3 is sqrt(1/2): what lies from there on counts as a mantissa, the exponent follows.
  auto n = e.shrSigned(e.sub(bits, e.intsOf(0x3f3504f3)), e.intsOf(23));
  auto m = e.bitcast(e.sub(bits, e.shl(n, e.intsOf(23))), e.floats());
  auto s = e.div(e.sub(m, e.floatsOf(1)), e.add(m, e.floatsOf(1))), square = e.mul(s, s);
  auto p = e.floatsOf(2.0f / 9);
  for (float c : {2.0f / 7, 2.0f / 5, 2.0f / 3})
    p = e.fma(p, square, e.floatsOf(c));
  auto nf = e.toFloat(n), twice = e.add(s, s);
  auto low = e.fma(e.mul(p, square), s, e.mul(nf, e.floatsOf(-2.12194440e-4f)));
  return e.fma(nf, e.floatsOf(0.693359375f), e.add(twice, low));
}

// 2^x = 2^n * 2^r for x <= 126, n = round(x), |r| <= 1/2, which is exact. 2^r = 1 + c1 r + c2
// r^2 ... with coefficients of least relative error (weighted least squares, Lawson's iteration): 2.0e-9 at degree 6,
// an eighth of half an ulp; 1.02e-4 < 2^-13 at degree 3, for weights that are rounded to bf16. Exactly 1 at 0. At -126
// and below it is 0: so n cannot leave the exponent field, no clamp is needed, and scores that were masked get no
// weight at all.
template <typename E>
typename E::Value exp2(E &e, typename E::Value x, bool forBf16) {
  constexpr float kMagic = 12582912.0f; // as in roundToInt; its own bits go when n is shifted into the exponent
  auto shifted = e.add(x, e.floatsOf(kMagic));
  auto r = e.sub(x, e.sub(shifted, e.floatsOf(kMagic)));
  static const float accurate[] = {1.5353362e-4f, 1.3398875e-3f, 9.6184369e-3f,
                                   5.5503324e-2f, 0.24022648f,   0.69314718f};
  static const float coarse[] = {5.5008933e-2f, 0.24221097f, 0.69328290f};
  llvm::ArrayRef<float> coefficients = forBf16 ? llvm::ArrayRef<float>(coarse) : llvm::ArrayRef<float>(accurate);
  auto p = e.floatsOf(coefficients.front());
  for (float c : coefficients.drop_front())
    p = e.fma(p, r, e.floatsOf(c));
  p = e.fma(p, r, e.floatsOf(1));
  auto result = e.bitcast(e.add(e.bitcast(p, e.ints()), e.shl(e.bitcast(shifted, e.ints()), e.intsOf(23))), e.floats());
  return e.select(e.less(e.floatsOf(-126), x), result, e.floatsOf(0));
}

// erf by formula 7.1.26 of Abramowitz and Stegun, whose own error is 1.5e-7; the rest of the 6e-7 is the rounding of
// the alternating sum in fp32.
template <typename E>
typename E::Value erf(E &e, typename E::Value x) {
  auto magnitude = e.max(x, e.sub(e.floatsOf(0), x));
  auto t = e.div(e.floatsOf(1), e.fma(magnitude, e.floatsOf(0.3275911f), e.floatsOf(1)));
  auto p = e.floatsOf(1.061405429f);
  for (float c : {-1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f})
    p = e.fma(p, t, e.floatsOf(c));
  p = e.mul(p, t);
  auto power = exp(e, e.sub(e.floatsOf(0), e.mul(x, x)));
  auto positive = e.sub(e.floatsOf(1), e.mul(p, power));
  return e.select(e.less(x, e.floatsOf(0)), e.sub(e.floatsOf(0), positive), positive);
}

template <typename E>
typename E::Value sigmoid(E &e, typename E::Value x) {
  return e.div(e.floatsOf(1), e.add(e.floatsOf(1), exp(e, e.sub(e.floatsOf(0), x))));
}

// tanh(x) = 2 sigmoid(e, 2x) - 1: absolute error of some 1e-7, which is what GELU and pooling need; near 0 the relative
// error grows, as it does in any formula that subtracts from one.
template <typename E>
typename E::Value tanh(E &e, typename E::Value x) {
  return e.fma(sigmoid(e, e.add(x, x)), e.floatsOf(2), e.floatsOf(-1));
}

// x (1/2 + t P(t^2)), t = x clamped to [-4.5, 4.5]: no exponential, no division. P is the polynomial of degree 8 that
// keeps the result nearest to GELU (Lawson's iteration) among those that are exact at both ends, 3.4e-5 everywhere
// between; the tail beyond is 1.5e-5. With rounding the error is below 4e-5 e.max(1, |x|). A row that is quantized to 8
// bits has steps of 1/255 of its range, a hundred times that where the largest is 1.
template <typename E>
typename E::Value geluFor8Bits(E &e, typename E::Value x) {
  static const float coefficients[] = {3.00000823e-11f, -3.28391336e-9f, 1.58025756e-7f,
                                       -4.43168528e-6f, 8.12097205e-5f,  -1.03625341e-3f,
                                       9.58065409e-3f,  -6.59772679e-2f, 0.398708582f};
  x = e.max(x, e.floatsOf(-4.5f));
  auto t = e.min(x, e.floatsOf(4.5f)), square = e.mul(t, t);
  auto p = e.floatsOf(coefficients[0]);
  for (float c : llvm::ArrayRef<float>(coefficients).drop_front())
    p = e.fma(p, square, e.floatsOf(c));
  return e.mul(x, e.fma(t, p, e.floatsOf(0.5f)));
}

// x / (1 + 2^(-x log2 e)) with the coarse power: off by 1.02e-4 s (1 - s) |x| <= 2.3e-5. The exponent is clamped so
// that the power stays finite: below -87 the result is under 1e-36, as it should be.
template <typename E>
typename E::Value siluFor8Bits(E &e, typename E::Value x) {
  auto exponent = e.min(e.mul(x, e.floatsOf(-1.44269504088896341f)), e.floatsOf(126));
  return e.div(x, e.add(exp2(e, exponent, true), e.floatsOf(1)));
}

// x/2 (1 + erf(x / sqrt 2))
template <typename E>
typename E::Value gelu(E &e, typename E::Value x) {
  return e.mul(e.mul(x, e.floatsOf(0.5f)), e.add(erf(e, e.mul(x, e.floatsOf(0.70710678118654752f))), e.floatsOf(1)));
}

// x/2 (1 + tanh u) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3)
template <typename E>
typename E::Value geluTanh(E &e, typename E::Value x) {
  auto cubic = e.fma(e.mul(e.mul(x, x), x), e.floatsOf(0.044715f), x);
  return e.mul(x, sigmoid(e, e.mul(cubic, e.floatsOf(1.5957691216057308f))));
}

/// `for8Bits`: what comes of it is rounded to 8 bits, so a coarser GELU and SiLU will do. All map 0 to 0.
template <typename E>
typename E::Value activation(E &e, Activation kind, bool for8Bits, typename E::Value x) {
  switch (kind) {
  case Activation::Gelu:
    return for8Bits ? geluFor8Bits(e, x) : gelu(e, x);
  case Activation::GeluTanh:
    return geluTanh(e, x);
  case Activation::Silu:
    return for8Bits ? siluFor8Bits(e, x) : e.mul(x, sigmoid(e, x));
  case Activation::Relu:
    return e.max(x, e.floatsOf(0));
  case Activation::Tanh:
    return tanh(e, x);
  }
  return x;
}

/// cap tanh(x / cap)
template <typename E>
typename E::Value softCap(E &e, float cap, typename E::Value x) {
  return e.mul(tanh(e, e.mul(x, e.floatsOf(1 / cap))), e.floatsOf(cap));
}

} // namespace lmopt::functions

#endif // LMOPT_CODEGEN_FUNCTIONS_H
