// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The OPT family: its record. Its configuration is a GptConfig, and GPT-2's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_OPT_OPT_H
#define LMOPT_FRONTENDS_FAMILIES_OPT_OPT_H

#include "frontends/families/Family.h"

namespace lmopt {

/// OptFamily.cpp
Family describeOpt();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_OPT_OPT_H
