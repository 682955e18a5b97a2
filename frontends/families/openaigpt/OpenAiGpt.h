// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The GPT-1 family: its record. Its configuration is a GptConfig, and GPT-2's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_OPENAIGPT_OPENAIGPT_H
#define LMOPT_FRONTENDS_FAMILIES_OPENAIGPT_OPENAIGPT_H

#include "frontends/families/Family.h"

namespace lmopt {

/// OpenAiGptFamily.cpp
Family describeOpenAiGpt();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_OPENAIGPT_OPENAIGPT_H
