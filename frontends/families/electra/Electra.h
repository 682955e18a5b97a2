// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ELECTRA family: its record. Its configuration is a BertConfig, and BERT's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_ELECTRA_ELECTRA_H
#define LMOPT_FRONTENDS_FAMILIES_ELECTRA_ELECTRA_H

#include "frontends/families/Family.h"

namespace lmopt {

/// ElectraFamily.cpp
Family describeElectra();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_ELECTRA_ELECTRA_H
