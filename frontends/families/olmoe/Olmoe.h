// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The OLMoE family: its record. Its configuration is a LlamaConfig, and Llama's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_OLMOE_OLMOE_H
#define LMOPT_FRONTENDS_FAMILIES_OLMOE_OLMOE_H

#include "frontends/families/Family.h"

namespace lmopt {

/// OlmoeFamily.cpp
Family describeOlmoe();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_OLMOE_OLMOE_H
