// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tokenizer_class of tokenizer_config.json makes of tokenizer.json.
//
// transformers does not simply run tokenizer.json. Version 4 runs it, but sets a few switches of the class
// (do_lower_case, add_prefix_space, the tokens that Llama adds). Version 5 takes only vocabulary and merges for many
// classes and builds normalizer, pre-tokenizer and post-processor itself from the arguments in tokenizer_config.json.
//
// In: both documents. Out: the rules of tokenizer.json (everything but vocabulary and merges) as each version reads
// them. Where the two give another tokenizer, the version that wrote the model decides (`backend` in
// tokenizer_config.json, `transformers_version` in config.json).
// Source: the constructors of transformers 4.57 and 5.24. Tested by test/unit/tokenizer/ClassTest.cpp against ids of
// transformers (test/tools/tokenizer_variants.py).
#ifndef LMOPT_FRONTENDS_TOKENIZER_TOKENIZERCLASS_H
#define LMOPT_FRONTENDS_TOKENIZER_TOKENIZERCLASS_H

#include "files/Json.h"

#include <map>

namespace lmopt {

/// What other files say about the tokenizer; empty: nothing.
struct TokenizerContext {
  std::string modelType;      // model_type of config.json
  std::string tokenizerClass; // tokenizer_class of config.json
  std::string writtenBy;      // transformers_version of config.json
  std::string specialTokens;  // the text of special_tokens_map.json
  std::string addedTokens;    // the text of added_tokens.json
};

/// Llama: with byte-level pieces in tokenizer.json; LlamaPieces: with those of SentencePiece.
enum class ClassKind {
  AsFile,
  Llama,
  LlamaPieces,
  Gemma,
  Bert,
  MpNet,
  Gpt2,
  GptNeoX,
  Qwen2,
  Roberta,
  Cohere,
  XlmRoberta,
  Albert,
  OpenAiGpt,
  Other
};

struct TokenizerClass {
  ClassKind kind = ClassKind::AsFile;
  std::string name;                                  // as in the file, without "Fast"
  std::map<std::string, std::string> standardTokens; // by role ("cls_token"), where the files name none
};

/// Exit code 4 for a class that only code of the checkpoint defines (auto_map).
Result<TokenizerClass> findTokenizerClass(const nlohmann::json &file, const nlohmann::json &config,
                                          const TokenizerContext &context, const std::string &configPath);

/// Whether a rule, or a part of it, is the one that spells bytes as characters.
bool namesByteLevel(const nlohmann::json &value);

/// tokenizer.json without vocabulary and merges: what a class may replace.
nlohmann::json tokenizerRules(const nlohmann::json &file);
void setTokenizerRules(nlohmann::json &file, const nlohmann::json &rules);

/// The rules as transformers 4 or 5 reads them. `file` has the vocabulary, for the ids of special tokens.
Result<nlohmann::json> rulesOfVersion(int version, const TokenizerClass &tokenizerClass, const nlohmann::json &file,
                                      const nlohmann::json &config, const std::string &configPath);

/// 4, 5, or 0 when the files do not say.
int writingVersion(const nlohmann::json &config, const TokenizerContext &context);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_TOKENIZERCLASS_H
