// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The text side of a Hugging Face directory: tokenizer files, chat template, the tokens that end a generation.
//
// In: a directory. Out: texts; all empty when the model has no tokenizer. A tokenizer in a form that lmopt does not
// read (tokenizer.model, vocab.txt alone) is exit code 4. Tested by test/unit/frontends/TextFilesTest.cpp.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_TEXTFILES_H
#define LMOPT_FRONTENDS_HUGGINGFACE_TEXTFILES_H

#include "frontends/Json.h"

namespace lmopt {

struct TokenizerFiles {
  std::string tokenizer;          // tokenizer.json
  std::string tokenizerConfig;    // tokenizer_config.json
  std::string chatTemplate;       // chat_template.jinja, or the default one of tokenizer_config.json
  std::vector<int64_t> endTokens; // eos_token_id of generation_config.json
};

Result<TokenizerFiles> readTokenizerFiles(const std::string &directory);

/// The template that tokenizer_config.json holds: a text, or the one named "default" of a list.
Result<std::string> parseChatTemplate(const nlohmann::json &tokenizerConfig, const std::string &path);
/// eos_token_id: one id or a list.
Result<std::vector<int64_t>> parseEndTokens(const nlohmann::json &generationConfig, const std::string &path);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_TEXTFILES_H
