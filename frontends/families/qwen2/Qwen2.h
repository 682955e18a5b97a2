// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Qwen2 family (Qwen2 and Qwen2.5): its record. Its configuration is a LlamaConfig, and Llama's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_QWEN2_QWEN2_H
#define LMOPT_FRONTENDS_FAMILIES_QWEN2_QWEN2_H

#include "frontends/families/Family.h"

namespace lmopt {

/// Qwen2Family.cpp
Family describeQwen2();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_QWEN2_QWEN2_H
