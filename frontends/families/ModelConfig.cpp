// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of ModelConfig.h. Tested by test/unit/frontends/families/LlamaConfigTest.cpp.
#include "frontends/families/ModelConfig.h"

using namespace lmopt;

std::optional<Activation> lmopt::activationFromName(const std::string &name) {
  if (name == "gelu" || name == "gelu_python")
    return Activation::Gelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast" || name == "gelu_accurate")
    return Activation::GeluTanh;
  if (name == "silu" || name == "swish")
    return Activation::Silu;
  if (name == "relu")
    return Activation::Relu;
  return std::nullopt;
}

const char *lmopt::activationNames() {
  return "gelu, gelu_python, gelu_new, gelu_pytorch_tanh, gelu_fast, gelu_accurate, silu, swish, relu";
}
