// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Mistral family: its record. Its configuration is a LlamaConfig, and Llama's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_MISTRAL_MISTRAL_H
#define LMOPT_FRONTENDS_FAMILIES_MISTRAL_MISTRAL_H

#include "frontends/families/Family.h"

namespace lmopt {

/// MistralFamily.cpp
Family describeMistral();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_MISTRAL_MISTRAL_H
