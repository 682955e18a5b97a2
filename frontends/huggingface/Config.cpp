// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all families of config.json share. From: the fields that transformers' PretrainedConfig writes.
// Tested by test/unit/frontends/{Llama,Bert}ConfigTest.cpp.
#include "frontends/huggingface/Config.h"

#include "frontends/File.h"

using namespace lmopt;
using nlohmann::json;

static const char kSupported[] = "supported are LlamaForCausalLM (model_type llama) and, as text encoders, BertModel, "
                                 "BertForMaskedLM and BertForPreTraining (model_type bert)";

static std::optional<Family> familyOf(const std::string &architecture) {
  if (architecture == "LlamaForCausalLM")
    return Family::Llama;
  if (architecture == "BertModel" || architecture == "BertForMaskedLM" || architecture == "BertForPreTraining")
    return Family::Bert;
  return std::nullopt;
}

Result<Family> lmopt::detectFamily(const json &config, const std::string &path) {
  if (!config.is_object())
    return malformed(path + ": expected a JSON object, found " + config.type_name());
  auto architectures = config.find("architectures");
  if (architectures != config.end() && !architectures->is_null()) {
    if (!architectures->is_array() || architectures->size() != 1 || !architectures->front().is_string())
      return malformed(path + ": field 'architectures': expected a list of one name");
    std::string name = architectures->front().get<std::string>();
    if (std::optional<Family> family = familyOf(name))
      return *family;
    return unsupported(path + ": architecture " + printable(name) + " is not supported; " + kSupported);
  }
  auto type = config.find("model_type");
  if (type == config.end() || !type->is_string())
    return malformed(path + ": expected a field 'architectures' or 'model_type' that names the kind of model");
  std::string name = type->get<std::string>();
  if (name == "llama")
    return Family::Llama;
  if (name == "bert")
    return Family::Bert;
  return unsupported(path + ": model_type " + printable(name) + " is not supported; " + kSupported);
}

void lmopt::requireDefault(JsonFields &fields, const char *field, const json &harmless) {
  const json *value = fields.value(field);
  if (value && *value != harmless)
    fields.fail(field,
                "only " + harmless.dump() + " is supported, found " +
                    printable(value->dump(-1, ' ', true, json::error_handler_t::replace)),
                kErrorUnsupported);
}

// clang-format off
// Who made the file and how.
static constexpr const char *kOrigin[] = {
    "_name_or_path", "architectures", "model_type", "transformers_version", "torch_dtype", "dtype",
    "gradient_checkpointing", "initializer_range", "transformers.js_config", "unsloth_version", "unsloth_fixed",
    "is_llama_config", "_commit_hash", "xla_device", "max_sequence_length",
};

// Training, and alternative outputs of the Python class.
static constexpr const char *kTraining[] = {
    "use_cache", "return_dict", "output_hidden_states", "output_attentions", "torchscript", "use_bfloat16",
    "tf_legacy_loss", "chunk_size_feed_forward", "attention_dropout", "hidden_dropout_prob",
    "attention_probs_dropout_prob", "classifier_dropout", "pretraining_tp", "id2label", "label2id", "num_labels",
    "_num_labels", "problem_type", "finetuning_task", "task_specific_params", "output_past", "attn_implementation",
    "_attn_implementation", "_attn_implementation_autoset",
};

// Tokens and sampling: they belong to the tokenizer and to the user.
static constexpr const char *kGeneration[] = {
    "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "unk_token_id", "cls_token_id", "mask_token_id",
    "decoder_start_token_id", "tokenizer_class", "prefix", "max_length", "min_length", "do_sample", "early_stopping",
    "num_beams", "num_beam_groups", "diversity_penalty", "temperature", "top_k", "top_p", "typical_p",
    "repetition_penalty", "length_penalty", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "bad_words_ids",
    "num_return_sequences", "output_scores", "return_dict_in_generate", "forced_bos_token_id", "forced_eos_token_id",
    "remove_invalid_values", "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens",
};
// clang-format on

void lmopt::ignoreCommonFields(JsonFields &fields) {
  fields.ignore(kOrigin);
  fields.ignore(kTraining);
  fields.ignore(kGeneration);
  requireDefault(fields, "pruned_heads", json::object());
  requireDefault(fields, "is_encoder_decoder", false);
  requireDefault(fields, "is_decoder", false);
  requireDefault(fields, "add_cross_attention", false);
  requireDefault(fields, "tie_encoder_decoder", false);
  requireDefault(fields, "cross_attention_hidden_size", nullptr);
}

Result<void> lmopt::refuseUnknownFields(const JsonFields &fields, const char *family) {
  if (!fields.ok())
    return fields.error();
  std::vector<std::string> unknown = fields.unknown();
  if (unknown.empty())
    return {};
  std::string others = unknown.size() > 1 ? " (and " + std::to_string(unknown.size() - 1) + " more)" : "";
  return unsupported(fields.place(unknown[0]) + others + ": not known for the family " + family +
                     ", and it may change what the model computes; remove it if it does not");
}

Activation lmopt::readActivation(JsonFields &fields, Activation standard) {
  std::optional<std::string> name = fields.string("hidden_act");
  if (!name)
    return standard;
  std::optional<Activation> activation = activationFromName(*name);
  if (!activation)
    fields.fail("hidden_act", printable(*name) + " is not supported; supported are " + activationNames(),
                kErrorUnsupported);
  return activation.value_or(standard);
}
