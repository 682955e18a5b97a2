// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The BLOOM family: its record. Its configuration is a GptConfig, and GPT-2's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_BLOOM_BLOOM_H
#define LMOPT_FRONTENDS_FAMILIES_BLOOM_BLOOM_H

#include "frontends/families/Family.h"

namespace lmopt {

/// BloomFamily.cpp
Family describeBloom();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_BLOOM_BLOOM_H
