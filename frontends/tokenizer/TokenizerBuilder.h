// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds the tokenizer blob of a model from the file that defines its tokenizer.
//
// In: the text of tokenizer.json or the bytes of tokenizer.model, and the files beside it, or the metadata of a GGUF
// file. Out: the blob (lmopt/tokenizer_format.h). What a file asks for is done or refused: an unknown model,
// normalizer, pre-tokenizer, regular expression, post-processor or field is exit code 4 with a message that names it
// and lists what there is. Tested by test/unit/tokenizer/{Json,Class,Fields,Gguf,ModelFile}Test.cpp, fuzzed by
// fuzz-tokenizer-{json,gguf,model}.
#ifndef LMOPT_FRONTENDS_TOKENIZER_TOKENIZERBUILDER_H
#define LMOPT_FRONTENDS_TOKENIZER_TOKENIZERBUILDER_H

#include "files/Status.h"
#include "files/gguf/Gguf.h"
#include "frontends/tokenizer/PlainTextRules.h"
#include "frontends/tokenizer/TokenizerClass.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lmopt {

struct TokenizerOptions {
  std::string path = "tokenizer.json"; // for messages
  /// Most ids of one text, special tokens among them; 0: no limit. Encoders take it from the files of
  /// sentence-transformers or from the number of positions. The "truncation" of tokenizer.json is what one program last
  /// asked for, not what the model needs: `transformers` takes its direction and overrides the rest, and so does this.
  uint32_t maxLength = 0;
  /// Tokens that end a generation (generation_config.json, config.json); empty: eos_token of the tokenizer.
  std::vector<int64_t> endTokens;
  /// Rows of the embedding; 0: not known. A token beyond is refused; ids of rows without a token get an empty piece.
  int64_t vocabulary = 0;
  TokenizerContext context;
  std::optional<PlainTextRules> plainText; // empty: as transformers does
};

/// `configText` is tokenizer_config.json, or empty.
Result<std::string> buildTokenizerFromJson(std::string_view text, std::string_view configText,
                                           const TokenizerOptions &options = {});
/// `bytes` is tokenizer.model, for folders without tokenizer.json; options.path names it.
Result<std::string> buildTokenizerFromModel(std::string_view bytes, std::string_view configText,
                                            const TokenizerOptions &options = {});
/// Of the options only maxLength and vocabulary are used: the file has the rest.
Result<std::string> buildTokenizerFromGguf(const GgufFile &file, const TokenizerOptions &options = {});

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_TOKENIZERBUILDER_H
