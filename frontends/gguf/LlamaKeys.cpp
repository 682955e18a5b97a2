// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of LlamaKeys.h. A key that llama.cpp does not read for this architecture may have the value that
// changes nothing; with another one the file means something that llama.cpp would not compute either, so it is refused.
// Tested by test/unit/frontends/FieldTablesTest.cpp and GgufLlamaTest.cpp.
#include "frontends/gguf/LlamaKeys.h"

using namespace lmopt;
using nlohmann::json;

static constexpr char kPeople[] = "for people";
static constexpr char kSampling[] = "sampling: the flags of lmopt run decide, the most probable token by default";
static constexpr char kUnknown[] = "not known, and it may change what the model computes";
static constexpr char kExperts[] = "mixtures of experts";
static constexpr char kYarn[] = "llama.cpp does not read it for this architecture; remove it to get what llama.cpp "
                                "computes";
static constexpr char kAdapter[] = "the file is an adapter (LoRA); merge it into its model with llama-export-lora";

static const FieldTable kGeneral = {
    {"general.architecture", FieldUse::Read, "the family"},
    {"general.name", FieldUse::Read, "the name that inspect shows"},
    {"general.alignment", FieldUse::Read, "where tensors begin"},
    {"general.type", FieldUse::Only, "an adapter, a projector or a table of importance; give lmopt the model",
     R"(["model"])"},
    {"general.quantization_version", FieldUse::Only, "blocks of another layout; convert the model again", "[2]"},
    {"general.file_type", FieldUse::Harmless, "sums up what each tensor says of itself"},
    {"general.sampling.penalty_repeat", FieldUse::Told,
     "llama.cpp makes tokens that were there less probable; lmopt run does not", "[1, 0]"},
    {"general.sampling.*", FieldUse::Harmless, kSampling},
    {"general.author", FieldUse::Harmless, kPeople},
    {"general.version", FieldUse::Harmless, kPeople},
    {"general.organization", FieldUse::Harmless, kPeople},
    {"general.finetune", FieldUse::Harmless, kPeople},
    {"general.basename", FieldUse::Harmless, kPeople},
    {"general.description", FieldUse::Harmless, kPeople},
    {"general.quantized_by", FieldUse::Harmless, kPeople},
    {"general.size_label", FieldUse::Harmless, kPeople},
    {"general.parameter_count", FieldUse::Harmless, kPeople},
    {"general.license*", FieldUse::Harmless, kPeople},
    {"general.url", FieldUse::Harmless, kPeople},
    {"general.doi", FieldUse::Harmless, kPeople},
    {"general.uuid", FieldUse::Harmless, kPeople},
    {"general.repo_url", FieldUse::Harmless, kPeople},
    {"general.source.*", FieldUse::Harmless, kPeople},
    {"general.base_model.*", FieldUse::Harmless, kPeople},
    {"general.dataset.*", FieldUse::Harmless, kPeople},
    {"general.datasets", FieldUse::Harmless, kPeople},
    {"general.tags", FieldUse::Harmless, kPeople},
    {"general.languages", FieldUse::Harmless, kPeople},
    {"general.*", FieldUse::Only, kUnknown},

    {"split.count", FieldUse::Read, "refused when there is more than one file"},
    {"split.no", FieldUse::Harmless, "the one file there is"},
    {"split.tensors.count", FieldUse::Harmless, "the file says its own number"},
    {"split.*", FieldUse::Only, kUnknown},
    {"adapter.*", FieldUse::Only, kAdapter},
    {"clip.*", FieldUse::Only, "the file is the projector of an image model; give lmopt the model"},
    {"tokenizer.*", FieldUse::Read, "by the reader of tokenizers"},
    {"*", FieldUse::Harmless, "llama.cpp asks for keys by name, and for none with another beginning than those here"},
};

static const FieldTable kLlama = {
    {"llama.context_length", FieldUse::Read, "longest sequence"},
    {"llama.embedding_length", FieldUse::Read, "width"},
    {"llama.block_count", FieldUse::Read, "layers"},
    {"llama.feed_forward_length", FieldUse::Read,
     "width of the feed-forward block, one for all layers or one for each"},
    {"llama.attention.head_count", FieldUse::Read, "query heads, likewise"},
    {"llama.attention.head_count_kv", FieldUse::Read,
     "key and value heads, likewise; as many as query heads when missing"},
    {"llama.attention.key_length", FieldUse::Read, "width of a head; width / heads when missing"},
    {"llama.attention.value_length", FieldUse::Read, "refused when it is another"},
    {"llama.attention.layer_norm_rms_epsilon", FieldUse::Read, "added to the mean square in a norm"},
    {"llama.rope.dimension_count", FieldUse::Read, "rotated part of a head; all of it when missing"},
    {"llama.rope.freq_base", FieldUse::Read, "base of the rotary positions; 10000 when missing"},
    {"llama.rope.scaling.type", FieldUse::Read, "none, linear or yarn; linear when missing"},
    {"llama.rope.scaling.factor", FieldUse::Read, "0 is 1"},
    {"llama.rope.scale_linear", FieldUse::Read, "the older name of rope.scaling.factor"},
    {"llama.rope.scaling.original_context_length", FieldUse::Read, "yarn: the length before stretching"},
    {"llama.rope.scaling.attn_factor", FieldUse::Read, "yarn: multiplies its factor; refused with another type"},
    {"llama.embedding_length_out", FieldUse::Read, "refused when it is not the width"},
    {"llama.attention.sliding_window", FieldUse::Read, "refused when shorter than the longest sequence"},
    {"llama.attention.scale", FieldUse::Read, "refused when it is not 1 / sqrt(width of a head)"},
    {"llama.vocab_size", FieldUse::Harmless, "the embedding table has its own number of rows"},
    {"llama.tensor_data_layout", FieldUse::Harmless, "says how the first converters laid out heads"},
    {"llama.rope.scaling.finetuned", FieldUse::Harmless, "says whether the model was trained with it"},
    {"llama.rope.scaling.yarn_ext_factor", FieldUse::Only, kYarn, "[1, -1]"},
    {"llama.rope.scaling.yarn_attn_factor", FieldUse::Only, kYarn, "[1, -1]"},
    {"llama.rope.scaling.yarn_beta_fast", FieldUse::Only, kYarn, "[32, -1]"},
    {"llama.rope.scaling.yarn_beta_slow", FieldUse::Only, kYarn, "[1, -1]"},
    {"llama.rope.scaling.yarn_log_multiplier", FieldUse::Only, kYarn, "[0]"},
    {"llama.rope.scaling.alpha", FieldUse::Only, "a base that depends on the length", "[0]"},
    {"llama.attention.causal", FieldUse::Only, "attention to later tokens", "[true]"},
    {"llama.attention.max_alibi_bias", FieldUse::Only, "another kind of positions", "[0]"},
    {"llama.attention.clamp_kqv", FieldUse::Only, "clamped queries, keys and values", "[0]"},
    {"llama.pooling_type", FieldUse::Only, "vectors of texts instead of tokens", "[0, -1, 4294967295]"},
    {"llama.expert_count", FieldUse::Only, kExperts, "[0]"},
    {"llama.expert_used_count", FieldUse::Only, kExperts, "[0]"},
    {"llama.expert_group_count", FieldUse::Only, kExperts, "[0]"},
    {"llama.expert_group_used_count", FieldUse::Only, kExperts, "[0]"},
    {"llama.expert_shared_count", FieldUse::Only, kExperts, "[0]"},
    {"llama.leading_dense_block_count", FieldUse::Only, kExperts, "[0]"},
    {"llama.nextn_predict_layers", FieldUse::Only, "layers that predict further tokens", "[0]"},
    {"llama.logit_scale", FieldUse::Only, "a scale of the logits", "[1, 0]"},
    {"llama.embedding_scale", FieldUse::Only, "a scale of the embeddings", "[1, 0]"},
    {"llama.residual_scale", FieldUse::Only, "a scale of the residual stream", "[1, 0]"},
    {"llama.attn_logit_softcapping", FieldUse::Only, "attention scores bent by tanh", "[0]"},
    {"llama.final_logit_softcapping", FieldUse::Only, "logits bent by tanh", "[0]"},
    {"llama.use_parallel_residual", FieldUse::Only, "a parallel residual", "[false, 0]"},
    {"llama.*", FieldUse::Only, kUnknown},
};

const FieldTable &lmopt::ggufLlamaKeys() {
  static const FieldTable table = joinTables(kLlama, kGeneral);
  return table;
}

/// A scalar as JSON, so that it can be compared with what a rule accepts; lists are no accepted value.
static json asJson(const GgufValue &value) {
  if (std::optional<bool> flag = value.asBool())
    return *flag;
  if (std::optional<int64_t> number = value.asSigned())
    return *number;
  if (std::optional<double> number = value.asDouble())
    return *number;
  if (std::optional<std::string_view> text = value.asString())
    return std::string(text->substr(0, 200)); // enough for a message
  return "an array of " + std::to_string(value.size());
}

Result<void> lmopt::checkGgufKeys(const GgufFile &file, const FieldTable &table, Warnings &warnings) {
  for (auto &[key, value] : file.metadata()) {
    std::string refusal, place = file.path() + ": metadata key " + printable(key);
    FieldVerdict verdict = checkField(table, key, asJson(value), place, refusal, warnings);
    if (verdict == FieldVerdict::Refused)
      return unsupported(refusal);
    if (verdict == FieldVerdict::Unknown)
      return unsupported(place + ": " + kUnknown);
  }
  return {};
}
