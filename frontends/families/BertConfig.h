// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What makes one BERT-like encoder differ from another, and what is done with its last hidden state.
// Filled from config.json and the sentence-transformers files; BertBuilder turns it into a module.
// Tested by test/unit/frontends/BertConfigTest.cpp.
#ifndef LMOPT_FRONTENDS_FAMILIES_BERTCONFIG_H
#define LMOPT_FRONTENDS_FAMILIES_BERTCONFIG_H

#include "frontends/families/LlamaConfig.h"

namespace lmopt {

enum class Pooling { Mean, Cls, Max, Last };

struct BertConfig {
  std::string name;
  int64_t vocabulary = 0;
  int64_t width = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t ffnWidth = 0;
  int64_t positions = 0; // rows of the position table
  int64_t tokenTypes = 0;
  int64_t maxTokens = 0; // longer inputs are cut to this length, special tokens included
  double normEps = 0;
  Activation activation = Activation::Gelu;
  Pooling pooling = Pooling::Mean;
  bool normalize = false;

  std::vector<std::string> warnings; // for the user, in whole sentences
};

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_BERTCONFIG_H
