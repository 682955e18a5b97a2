// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The DistilBERT family: its record. Its configuration is a BertConfig, and BERT's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_DISTILBERT_DISTILBERT_H
#define LMOPT_FRONTENDS_FAMILIES_DISTILBERT_DISTILBERT_H

#include "frontends/families/Family.h"

namespace lmopt {

/// DistilBertFamily.cpp
Family describeDistilBert();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_DISTILBERT_DISTILBERT_H
