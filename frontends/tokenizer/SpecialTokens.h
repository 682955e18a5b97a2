// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tokens that files beside tokenizer.json name: tokenizer_config.json (added_tokens_decoder, roles, extra ones),
// and where that has no added_tokens_decoder, special_tokens_map.json and added_tokens.json.
//
// In: the documents. Out: tokens in the order in which transformers adds them to what tokenizer.json has, and the text
// of each role. Source: PreTrainedTokenizerBase._from_pretrained and TokenizersBackend.__init__ of transformers 5.24
// (4.57 agrees). Tested by test/unit/tokenizer/ClassTest.cpp against ids of transformers.
#ifndef LMOPT_FRONTENDS_TOKENIZER_SPECIALTOKENS_H
#define LMOPT_FRONTENDS_TOKENIZER_SPECIALTOKENS_H

#include "frontends/tokenizer/TokenizerClass.h"

#include <cstdint>

namespace lmopt {

struct NamedToken {
  std::string text;
  uint32_t flags = 0; // LMOPT_ADDED_*
  bool normalized = false;
  int64_t id = -1;          // as the file says; -1: it says none
  bool replaces = false;    // its settings win over those in tokenizer.json
  bool onlyIfKnown = false; // a standard of the class: nothing to add when no vocabulary has it
};

struct SpecialTokens {
  std::vector<NamedToken> tokens;
  std::map<std::string, std::string> roles; // "bos_token" -> its text
};

/// `place`: for messages. What the object does not say of `special` is taken from the argument.
Result<NamedToken> readNamedToken(const nlohmann::json &entry, const std::string &path, const std::string &place,
                                  bool special);

Result<SpecialTokens> readSpecialTokens(const nlohmann::json &config, const TokenizerContext &context,
                                        const TokenizerClass &tokenizerClass, const std::string &folder);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_SPECIALTOKENS_H
