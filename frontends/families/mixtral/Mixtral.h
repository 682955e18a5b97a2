// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Mixtral family: its record. Its configuration is a LlamaConfig, and Llama's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_MIXTRAL_MIXTRAL_H
#define LMOPT_FRONTENDS_FAMILIES_MIXTRAL_MIXTRAL_H

#include "frontends/families/Family.h"

namespace lmopt {

/// MixtralFamily.cpp
Family describeMixtral();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_MIXTRAL_MIXTRAL_H
