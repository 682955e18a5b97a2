// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Granite family: its record. Its configuration is a LlamaConfig, and Llama's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_GRANITE_GRANITE_H
#define LMOPT_FRONTENDS_FAMILIES_GRANITE_GRANITE_H

#include "frontends/families/Family.h"

namespace lmopt {

/// GraniteFamily.cpp
Family describeGranite();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_GRANITE_GRANITE_H
