// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Qwen3 family: its record. Its configuration is a LlamaConfig, and Llama's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_QWEN3_QWEN3_H
#define LMOPT_FRONTENDS_FAMILIES_QWEN3_QWEN3_H

#include "frontends/families/Family.h"

namespace lmopt {

/// Qwen3Family.cpp
Family describeQwen3();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_QWEN3_QWEN3_H
