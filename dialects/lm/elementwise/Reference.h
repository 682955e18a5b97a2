// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The meaning of dialects/lm/elementwise/Elementwise.td as plain functions.
// Tested by test/dialects/lm/elementwise.

#ifndef LMOPT_DIALECTS_LM_ELEMENTWISE_REFERENCE_H
#define LMOPT_DIALECTS_LM_ELEMENTWISE_REFERENCE_H

#include "dialects/lm/Kinds.h"
#include "dialects/lm/interpreter/Values.h"

namespace lmopt::lm::reference {

double apply(Activation function, double x);
/// cap tanh(x / cap)
double softCapped(double x, double cap);

Tensor add(Tensor a, const Tensor &b);
Tensor biasAdd(Tensor x, const float *bias);
Tensor activation(Tensor x, Activation function);
Tensor gatedProduct(Tensor gate, const Tensor &up, Activation function);
Tensor softCap(Tensor x, double cap);

} // namespace lmopt::lm::reference

#endif // LMOPT_DIALECTS_LM_ELEMENTWISE_REFERENCE_H
