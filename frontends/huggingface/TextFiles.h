// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The text side of a Hugging Face directory: tokenizer files, chat template, the tokens that end a generation.
//
// In: a directory. Out: texts; all empty when the model has no tokenizer. A tokenizer in a form that lmopt does not
// read (vocab.txt or vocab.json alone) is exit code 4. Which file wins where two say something, and what becomes of
// each field of generation_config.json, is in docs/checkpoints.md. Tested by test/unit/frontends/TextFilesTest.cpp.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_TEXTFILES_H
#define LMOPT_FRONTENDS_HUGGINGFACE_TEXTFILES_H

#include "files/Json.h"

namespace lmopt {

struct TokenizerFiles {
  std::string tokenizer;          // tokenizer.json
  std::string model;              // tokenizer.model, where there is no tokenizer.json
  std::string tokenizerConfig;    // tokenizer_config.json
  std::string specialTokens;      // special_tokens_map.json
  std::string addedTokens;        // added_tokens.json
  std::string chatTemplate;       // chat_template.jinja, or the default one of tokenizer_config.json
  std::vector<int64_t> endTokens; // eos_token_id of generation_config.json, or without that file of config.json
  std::string modelType, tokenizerClass, writtenBy; // of config.json: model_type, tokenizer_class, transformers_version
};

Result<TokenizerFiles> readTokenizerFiles(const std::string &directory);

/// The template that tokenizer_config.json holds: a text, or the one named "default" of a list or an object.
Result<std::string> parseChatTemplate(const nlohmann::json &tokenizerConfig, const std::string &path);
/// eos_token_id: one id or a list.
Result<std::vector<int64_t>> parseEndTokens(const nlohmann::json &config, const std::string &path);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_TEXTFILES_H
