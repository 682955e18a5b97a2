// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The family of Gemma 3's text models: its record. Its configuration is a LlamaConfig, and Llama's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_GEMMA3_GEMMA3_H
#define LMOPT_FRONTENDS_FAMILIES_GEMMA3_GEMMA3_H

#include "frontends/families/Family.h"

namespace lmopt {

/// Gemma3Family.cpp
Family describeGemma3();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_GEMMA3_GEMMA3_H
