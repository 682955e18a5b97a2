// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The XLM-R family: its record. Its configuration is a BertConfig, and BERT's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_XLMROBERTA_XLMROBERTA_H
#define LMOPT_FRONTENDS_FAMILIES_XLMROBERTA_XLMROBERTA_H

#include "frontends/families/Family.h"

namespace lmopt {

/// XlmRobertaFamily.cpp
Family describeXlmRoberta();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_XLMROBERTA_XLMROBERTA_H
