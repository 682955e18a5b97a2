// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds the tokenizer blob of a model from the file that defines its tokenizer.
//
// In: the text of tokenizer.json and tokenizer_config.json, or the metadata of a GGUF file. Out: the blob
// (lmopt/tokenizer_format.h). What a file asks for is done or refused: an unknown model, normalizer, pre-tokenizer,
// regular expression or post-processor is exit code 4 with a message that names it and lists what there is.
// Tested by test/unit/tokenizer/{Json,Gguf}Test.cpp, fuzzed by fuzz-tokenizer-json.
#ifndef LMOPT_FRONTENDS_TOKENIZER_TOKENIZERBUILDER_H
#define LMOPT_FRONTENDS_TOKENIZER_TOKENIZERBUILDER_H

#include "frontends/Status.h"
#include "frontends/gguf/Gguf.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lmopt {

struct TokenizerOptions {
  std::string path = "tokenizer.json"; // for messages
  /// Most ids of one text, special tokens among them; 0: no limit. Encoders take it from sentence_bert_config.json
  /// (max_seq_length) or from the number of positions. The "truncation" and "padding" of tokenizer.json are what one
  /// program last asked for, not what the model needs: `transformers` overrides them, and so does this.
  uint32_t maxLength = 0;
  /// Tokens that end a generation (eos_token_id of generation_config.json); empty: eos_token of tokenizer_config.json.
  std::vector<int64_t> endTokens;
};

/// `configText` is tokenizer_config.json, or empty.
Result<std::string> buildTokenizerFromJson(std::string_view text, std::string_view configText,
                                           const TokenizerOptions &options = {});
/// options.path and options.endTokens are not used: the file has its own.
Result<std::string> buildTokenizerFromGguf(const GgufFile &file, const TokenizerOptions &options = {});

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_TOKENIZERBUILDER_H
