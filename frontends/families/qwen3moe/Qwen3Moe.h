// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Qwen3 MoE family: its record. Its configuration is a LlamaConfig, and Llama's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_QWEN3MOE_QWEN3MOE_H
#define LMOPT_FRONTENDS_FAMILIES_QWEN3MOE_QWEN3MOE_H

#include "frontends/families/Family.h"

namespace lmopt {

/// Qwen3MoeFamily.cpp
Family describeQwen3Moe();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_QWEN3MOE_QWEN3MOE_H
