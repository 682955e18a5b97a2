// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of a Hugging Face model: which family it is, and the numbers of that family.
//
// In: parsed JSON. Out: LlamaConfig or BertConfig; exit code 3 for values that cannot be, 4 for an architecture or a
// field that lmopt does not know: a field nobody looked at may change what the model computes (Tables.h).
// Tested by test/unit/frontends/{Llama,Bert}ConfigTest.cpp, fuzzed by fuzz-config-json.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_CONFIG_H
#define LMOPT_FRONTENDS_HUGGINGFACE_CONFIG_H

#include "files/Json.h"
#include "frontends/FieldTable.h"
#include "frontends/families/BertConfig.h"
#include "frontends/families/LlamaConfig.h"

namespace lmopt {

enum class Family { Llama, Bert };

/// Looks at `architectures` and `model_type`, which must agree; the message lists what is supported.
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

/// For the families: every field of config.json against its table; what is quantized gets a message of its own.
Result<void> checkConfigFields(const nlohmann::json &object, const FieldTable &table, const std::string &path,
                               Warnings &warnings);
/// The name the maker gave the model; empty when there is none.
std::string modelName(const nlohmann::json &object);
/// hidden_act in the names of the dialect.
Activation readActivation(JsonFields &fields, Activation standard);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_CONFIG_H
