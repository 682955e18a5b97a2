// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What becomes of a text where the maker of a model runs tokenizer.json by itself (the `tokenizers` package): no
// special tokens around it, and no class of transformers changes anything. The model's configuration says so
// (ModelConfig.h), and its tokenizer is built by it (TokenizerBuilder.h). Tested by test/unit/tokenizer/PlainTest.cpp.
#ifndef LMOPT_FRONTENDS_TOKENIZER_PLAINTEXTRULES_H
#define LMOPT_FRONTENDS_TOKENIZER_PLAINTEXTRULES_H

namespace lmopt {

struct PlainTextRules {
  bool dropsUnknown = false; // unknown tokens are left out of a text, after it was cut
  bool cutsAsFile = false;   // "truncation" of tokenizer.json counts, in the place of the model's limit
};

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_PLAINTEXTRULES_H
