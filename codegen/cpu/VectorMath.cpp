// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementary functions of float vectors as straight code: exp, log, erf, tanh, sigmoid. In fp32, without tables or
// branches. Errors (measured over all magnitudes by test/unit/codegen/VectorMathTest.cpp): exp 2 ulp; log 3 ulp;
// absolute: erf 6e-7, tanh 2e-7, sigmoid 1.5e-7.
#include "codegen/cpu/Emitter.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lmopt::cpu {

// exp(x) = 2^n * exp(r), n = round(x / ln 2), |r| <= ln 2 / 2. ln 2 is split in two parts so that n * ln 2 is exact in
// the first (n has at most 8 bits, the high part 15 zero bits). The polynomial is the Taylor series to r^7: the next
// term is below 2^-8 r^8 / 157 < 6e-9, less than half an ulp of the result in [0.7, 1.42].
Value Emitter::exp(Value x) {
  // Below -87.3 the true result is under the smallest normal float and becomes about 1e-38; above 88.3 it would
  // overflow.
  x = max(min(x, floatsOf(88.3762626647949f)), floatsOf(-87.3365478515625f));
  Value scaled = mul(x, floatsOf(1.44269504088896341f));
  Value n = roundToInt(scaled);
  Value nf = toFloat(n);
  Value r = fma(nf, floatsOf(-0.693359375f), x);
  r = fma(nf, floatsOf(2.12194440e-4f), r);
  Value p = floatsOf(1.0f / 5040);
  for (float c : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
    p = fma(p, r, floatsOf(c));
  // 2^n by adding n to the exponent bits of p (p is in [0.7, 1.42], so the exponent cannot leave its field here).
  return bitcast(add(bitcast(p, ints()), shl(n, intsOf(23))), floats());
}

// log(x) = n ln 2 + log(m), x = 2^n m with m in [sqrt(1/2), sqrt(2)): log(m) = 2 s + 2 s^3 / 3 + 2 s^5 / 5 + ... with
// s = (m - 1) / (m + 1), |s| < 0.1716; what the series leaves out behind s^9 is below 2 s^11 / 11 < 7e-10, and below
// 2e-9 of the first term. ln 2 in two parts, as in exp.
Value Emitter::log(Value x) {
  Value bits = bitcast(x, ints());
  // 0x3f3504f3 is sqrt(1/2): what lies from there on counts as a mantissa, the exponent follows.
  Value n = shrSigned(sub(bits, intsOf(0x3f3504f3)), intsOf(23));
  Value m = bitcast(sub(bits, shl(n, intsOf(23))), floats());
  Value s = div(sub(m, floatsOf(1)), add(m, floatsOf(1))), square = mul(s, s);
  Value p = floatsOf(2.0f / 9);
  for (float c : {2.0f / 7, 2.0f / 5, 2.0f / 3})
    p = fma(p, square, floatsOf(c));
  Value nf = toFloat(n), twice = add(s, s);
  Value low = fma(mul(p, square), s, mul(nf, floatsOf(-2.12194440e-4f)));
  return fma(nf, floatsOf(0.693359375f), add(twice, low));
}

// 2^x = 2^n * 2^r for x <= 126, n = round(x), |r| <= 1/2, which is exact. 2^r = 1 + c1 r + c2
// r^2 ... with coefficients of least relative error (weighted least squares, Lawson's iteration): 2.0e-9 at degree 6,
// an eighth of half an ulp; 1.02e-4 < 2^-13 at degree 3, for weights that are rounded to bf16. Exactly 1 at 0. At -126
// and below it is 0: so n cannot leave the exponent field, no clamp is needed, and scores that were masked get no
// weight at all.
Value Emitter::exp2(Value x, bool forBf16) {
  constexpr float kMagic = 12582912.0f; // as in roundToInt; its own bits go when n is shifted into the exponent
  Value shifted = add(x, floatsOf(kMagic));
  Value r = sub(x, sub(shifted, floatsOf(kMagic)));
  static const float accurate[] = {1.5353362e-4f, 1.3398875e-3f, 9.6184369e-3f,
                                   5.5503324e-2f, 0.24022648f,   0.69314718f};
  static const float coarse[] = {5.5008933e-2f, 0.24221097f, 0.69328290f};
  ArrayRef<float> coefficients = forBf16 ? ArrayRef<float>(coarse) : ArrayRef<float>(accurate);
  Value p = floatsOf(coefficients.front());
  for (float c : coefficients.drop_front())
    p = fma(p, r, floatsOf(c));
  p = fma(p, r, floatsOf(1));
  Value result = bitcast(add(bitcast(p, ints()), shl(bitcast(shifted, ints()), intsOf(23))), floats());
  return select(less(floatsOf(-126), x), result, floatsOf(0));
}

// erf by formula 7.1.26 of Abramowitz and Stegun, whose own error is 1.5e-7; the rest of the 6e-7 is the rounding of
// the alternating sum in fp32.
Value Emitter::erf(Value x) {
  Value magnitude = max(x, sub(floatsOf(0), x));
  Value t = div(floatsOf(1), fma(magnitude, floatsOf(0.3275911f), floatsOf(1)));
  Value p = floatsOf(1.061405429f);
  for (float c : {-1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f})
    p = fma(p, t, floatsOf(c));
  p = mul(p, t);
  Value e = exp(sub(floatsOf(0), mul(x, x)));
  Value positive = sub(floatsOf(1), mul(p, e));
  return select(less(x, floatsOf(0)), sub(floatsOf(0), positive), positive);
}

Value Emitter::sigmoid(Value x) { return div(floatsOf(1), add(floatsOf(1), exp(sub(floatsOf(0), x)))); }

// tanh(x) = 2 sigmoid(2x) - 1: absolute error of some 1e-7, which is what GELU and pooling need; near 0 the relative
// error grows, as it does in any formula that subtracts from one.
Value Emitter::tanh(Value x) { return fma(sigmoid(add(x, x)), floatsOf(2), floatsOf(-1)); }

// x (1/2 + t P(t^2)), t = x clamped to [-4.5, 4.5]: no exponential, no division. P is the polynomial of degree 8 that
// keeps the result nearest to GELU (Lawson's iteration) among those that are exact at both ends, 3.4e-5 everywhere
// between; the tail beyond is 1.5e-5. With rounding the error is below 4e-5 max(1, |x|). A row that is quantized to 8
// bits has steps of 1/255 of its range, a hundred times that where the largest is 1.
Value Emitter::geluFor8Bits(Value x) {
  static const float coefficients[] = {3.00000823e-11f, -3.28391336e-9f, 1.58025756e-7f,
                                       -4.43168528e-6f, 8.12097205e-5f,  -1.03625341e-3f,
                                       9.58065409e-3f,  -6.59772679e-2f, 0.398708582f};
  x = max(x, floatsOf(-4.5f));
  Value t = min(x, floatsOf(4.5f)), square = mul(t, t);
  Value p = floatsOf(coefficients[0]);
  for (float c : ArrayRef<float>(coefficients).drop_front())
    p = fma(p, square, floatsOf(c));
  return mul(x, fma(t, p, floatsOf(0.5f)));
}

// x / (1 + 2^(-x log2 e)) with the coarse power: off by 1.02e-4 s (1 - s) |x| <= 2.3e-5. The exponent is clamped so
// that the power stays finite: below -87 the result is under 1e-36, as it should be.
Value Emitter::siluFor8Bits(Value x) {
  Value exponent = min(mul(x, floatsOf(-1.44269504088896341f)), floatsOf(126));
  return div(x, add(exp2(exponent, true), floatsOf(1)));
}

Value Emitter::reciprocalSqrt(Value scalar) {
  return div(f32(1.0f), LLVM::SqrtOp::create(b, loc, scalar.getType(), scalar));
}

} // namespace lmopt::cpu
