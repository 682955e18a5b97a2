// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.add, lm.bias_add, lm.activation, lm.gated_product, lm.soft_cap; see Reference.h.

#include "dialects/lm/elementwise/Reference.h"

#include <cmath>

namespace lmopt::lm::reference {

double apply(Activation function, double x) {
  switch (function) {
  case Activation::Gelu:
    return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0)));
  case Activation::GeluTanh:
    return x * 0.5 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
  case Activation::Silu:
    return x / (1 + std::exp(-x));
  case Activation::Relu:
    return x > 0 ? x : 0;
  case Activation::Tanh:
    return std::tanh(x);
  }
  return x; // unreachable: all cases return
}

Tensor add(Tensor a, const Tensor &b) {
  for (size_t i = 0; i < a.f32.size(); ++i)
    a.f32[i] += b.f32[i];
  return a;
}

Tensor biasAdd(Tensor x, const float *bias) {
  for (size_t i = 0; i < x.f32.size(); ++i)
    x.f32[i] += bias[i % size_t(x.width())];
  return x;
}

Tensor activation(Tensor x, Activation function) {
  for (float &number : x.f32)
    number = float(apply(function, number));
  return x;
}

Tensor gatedProduct(Tensor gate, const Tensor &up, Activation function) {
  for (size_t i = 0; i < gate.f32.size(); ++i)
    gate.f32[i] = float(apply(function, gate.f32[i]) * up.f32[i]);
  return gate;
}

double softCapped(double x, double cap) { return cap * std::tanh(x / cap); }

Tensor softCap(Tensor x, double cap) {
  for (float &number : x.f32)
    number = float(softCapped(number, cap));
  return x;
}

} // namespace lmopt::lm::reference
