// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The RoBERTa family: its record. Its configuration is a BertConfig, and BERT's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_ROBERTA_ROBERTA_H
#define LMOPT_FRONTENDS_FAMILIES_ROBERTA_ROBERTA_H

#include "frontends/families/Family.h"

namespace lmopt {

/// RobertaFamily.cpp
Family describeRoberta();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_ROBERTA_ROBERTA_H
