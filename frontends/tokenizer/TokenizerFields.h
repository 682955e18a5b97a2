// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What becomes of every field of the files of a tokenizer: tokenizer_config.json, special_tokens_map.json,
// tokenizer.json, and of the tokenizer keys of a GGUF file. Data only.
//
// Source: what transformers 5.24 and 4.57, tokenizers 0.23 and llama.cpp read and write. The same rows stand in
// docs/checkpoints.md. Tested by test/unit/tokenizer/FieldsTest.cpp.
#ifndef LMOPT_FRONTENDS_TOKENIZER_TOKENIZERFIELDS_H
#define LMOPT_FRONTENDS_TOKENIZER_TOKENIZERFIELDS_H

#include "frontends/FieldTable.h"

namespace lmopt {

/// In both, fields whose name ends in "_token" and whose value is a token are read without a row.
const FieldTable &tokenizerConfigFields(); // tokenizer_config.json
const FieldTable &specialTokensFields();   // special_tokens_map.json
const FieldTable &tokenizerFileFields();   // tokenizer.json, the outermost object
const FieldTable &addedTokenFields();      // a token with its settings
const FieldTable &ggufTokenizerKeys();     // metadata keys "tokenizer.*"
/// The rules of tokenizer.json by their "type": a normalizer, a pre-tokenizer, a model, ...; null for unknown types.
const FieldTable *tokenizerRuleFields(const std::string &type);
/// All of the above with the title each has in docs/checkpoints.md.
std::vector<std::pair<std::string, const FieldTable *>> allTokenizerTables();

/// checkFields for these tables.
Result<void> checkTokenizerFields(const nlohmann::json &object, const FieldTable &table, const std::string &path,
                                  const std::string &prefix = "");
/// The name of a field that holds a token: "eos_token", "image_token".
bool namesToken(std::string_view field);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_TOKENIZERFIELDS_H
