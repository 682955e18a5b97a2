// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The RoBERTa family: its record. Its configuration is a BertConfig, and BERT's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_ROBERTA_ROBERTA_H
#define LMOPT_FRONTENDS_FAMILIES_ROBERTA_ROBERTA_H

#include "frontends/families/Family.h"

#include <map>
#include <string_view>

namespace lmopt {

/// RobertaFamily.cpp
Family describeRoberta();
/// For families whose heads are RoBERTa's: the names of their classes by the tasks.
void nameHeadClasses(HuggingFaceForm &form, const std::map<std::string_view, const char *> &classes);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_ROBERTA_ROBERTA_H
