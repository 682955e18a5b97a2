// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The OLMo 2 family: its record. Its configuration is a LlamaConfig, and Llama's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_OLMO2_OLMO2_H
#define LMOPT_FRONTENDS_FAMILIES_OLMO2_OLMO2_H

#include "frontends/families/Family.h"

namespace lmopt {

/// Olmo2Family.cpp
Family describeOlmo2();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_OLMO2_OLMO2_H
