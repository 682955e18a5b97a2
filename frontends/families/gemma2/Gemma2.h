// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Gemma 2 family: its record. Its configuration is a LlamaConfig, and Llama's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_GEMMA2_GEMMA2_H
#define LMOPT_FRONTENDS_FAMILIES_GEMMA2_GEMMA2_H

#include "frontends/families/Family.h"

namespace lmopt {

/// Gemma2Family.cpp
Family describeGemma2();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_GEMMA2_GEMMA2_H
