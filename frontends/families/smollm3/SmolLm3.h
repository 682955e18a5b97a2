// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The SmolLM3 family: its record. Its configuration is a LlamaConfig, and Llama's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_SMOLLM3_SMOLLM3_H
#define LMOPT_FRONTENDS_FAMILIES_SMOLLM3_SMOLLM3_H

#include "frontends/families/Family.h"

namespace lmopt {

/// SmolLm3Family.cpp
Family describeSmolLm3();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_SMOLLM3_SMOLLM3_H
