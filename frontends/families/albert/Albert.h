// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ALBERT family: its record. Its configuration is a BertConfig, and BERT's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_ALBERT_ALBERT_H
#define LMOPT_FRONTENDS_FAMILIES_ALBERT_ALBERT_H

#include "frontends/families/Family.h"

namespace lmopt {

/// AlbertFamily.cpp
Family describeAlbert();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_ALBERT_ALBERT_H
