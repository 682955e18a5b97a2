// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The GPT-NeoX family (Pythia): its record. Its configuration is a GptConfig, and GPT-2's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_GPTNEOX_GPTNEOX_H
#define LMOPT_FRONTENDS_FAMILIES_GPTNEOX_GPTNEOX_H

#include "frontends/families/Family.h"

namespace lmopt {

/// GptNeoxFamily.cpp
Family describeGptNeox();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_GPTNEOX_GPTNEOX_H
