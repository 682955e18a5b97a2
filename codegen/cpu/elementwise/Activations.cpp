// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each pointwise function is in registers; see Activations.h. The mathematics is VectorMath.cpp's.
#include "codegen/cpu/elementwise/Activations.h"

using namespace mlir;

namespace lmopt::cpu {

// x/2 (1 + erf(x / sqrt 2))
static Value gelu(Emitter &e, Value x) {
  return e.mul(e.mul(x, e.floatsOf(0.5f)), e.add(e.erf(e.mul(x, e.floatsOf(0.70710678118654752f))), e.floatsOf(1)));
}

// x/2 (1 + tanh u) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3)
static Value geluTanh(Emitter &e, Value x) {
  Value cubic = e.fma(e.mul(e.mul(x, x), x), e.floatsOf(0.044715f), x);
  return e.mul(x, e.sigmoid(e.mul(cubic, e.floatsOf(1.5957691216057308f))));
}

// All of these map 0 to 0, so lanes beyond the width stay zero.
Value emitActivation(Emitter &e, Activation kind, bool for8Bits, Value x) {
  switch (kind) {
  case Activation::Gelu:
    return for8Bits ? e.geluFor8Bits(x) : gelu(e, x);
  case Activation::GeluTanh:
    return geluTanh(e, x);
  case Activation::Silu:
    return for8Bits ? e.siluFor8Bits(x) : e.mul(x, e.sigmoid(x));
  case Activation::Relu:
    return e.max(x, e.floatsOf(0));
  case Activation::Tanh:
    return e.tanh(x);
  }
  return x;
}

} // namespace lmopt::cpu
