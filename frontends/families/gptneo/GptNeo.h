// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The GPT-Neo family: its record. Its configuration is a GptConfig, and GPT-2's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_GPTNEO_GPTNEO_H
#define LMOPT_FRONTENDS_FAMILIES_GPTNEO_GPTNEO_H

#include "frontends/families/Family.h"

namespace lmopt {

/// GptNeoFamily.cpp
Family describeGptNeo();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_GPTNEO_GPTNEO_H
