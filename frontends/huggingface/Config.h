// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of a Hugging Face model: which family it is, and the numbers of that family.
//
// In: parsed JSON. Out: LlamaConfig or BertConfig; exit code 3 for values that cannot be, 4 for an architecture or a
// field that lmopt does not know: a field nobody looked at may change what the model computes.
// Tested by test/unit/frontends/{Llama,Bert}ConfigTest.cpp, fuzzed by fuzz-config-json.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_CONFIG_H
#define LMOPT_FRONTENDS_HUGGINGFACE_CONFIG_H

#include "frontends/Json.h"
#include "frontends/families/BertConfig.h"
#include "frontends/families/LlamaConfig.h"

namespace lmopt {

enum class Family { Llama, Bert };

/// Looks at `architectures` (or `model_type` when there is none); the message lists what is supported.
Result<Family> detectFamily(const nlohmann::json &config, const std::string &path);

/// Llama.cpp
Result<LlamaConfig> parseLlamaConfig(const nlohmann::json &config, const std::string &path);
/// The tensor of a LlamaForCausalLM checkpoint that holds lm.param @name.
std::string llamaTensorName(const std::string &name);

/// Bert.cpp. Pooling and lengths are those of a bare BERT: mean over all tokens, not normalized, as long as the
/// position table; the sentence-transformers files change them.
Result<BertConfig> parseBertConfig(const nlohmann::json &config, const std::string &path);
/// The tensor of a BertModel checkpoint (without the prefix "bert.") that holds lm.param @name.
std::string bertTensorName(const std::string &name);

/// For the families: marks what every config.json may contain and no graph depends on, and refuses what is then
/// unknown.
void ignoreCommonFields(JsonFields &fields);
Result<void> refuseUnknownFields(const JsonFields &fields, const char *family);
/// Fields that are harmless with one value only (say, pruned_heads = {}); any other value is not supported.
void requireDefault(JsonFields &fields, const char *field, const nlohmann::json &harmless);
/// hidden_act in the names of the dialect.
Activation readActivation(JsonFields &fields, Activation standard);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_CONFIG_H
