// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the GPT-NeoX family: GPTNeoXForCausalLM of Hugging Face (Pythia and others), architecture `gptneox` of
// GGUF. Attention and the feed-forward block may read the same, a part of each head is turned, queries, keys and values
// are one tensor, head by head. From: Black et al., GPT-NeoX-20B (2022); transformers' GPTNeoXConfig and
// modeling_gpt_neox.py. Tested by test/unit/frontends/families/GptNeoxConfigTest.cpp and the fixtures gptneox-parallel,
// gptneox-serial and gguf/gptneox.
#include "frontends/families/gpt2/Gpt2.h"
#include "frontends/families/gpt2/GptConfig.h"
#include "frontends/families/gptneox/GptNeox.h"
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;
using nlohmann::json;

static constexpr double kHuge = 1e15;

static const FieldTable kFields = {
    {"vocab_size", FieldUse::Read, "rows of the embedding table"},
    {"hidden_size", FieldUse::Read, "width"},
    {"num_hidden_layers", FieldUse::Read, "layers"},
    {"num_attention_heads", FieldUse::Read, "heads"},
    {"intermediate_size", FieldUse::Read, "width of the feed-forward block"},
    {"hidden_act", FieldUse::Read, "function of the feed-forward block; gelu when missing"},
    {"max_position_embeddings", FieldUse::Read, "longest sequence; 2048 when missing"},
    {"layer_norm_eps", FieldUse::Read, "added to the variance in a norm; 1e-5 when missing"},
    {"use_parallel_residual", FieldUse::Read,
     "whether attention and the feed-forward block read the same; true when missing"},
    {"attention_bias", FieldUse::Read, "biases of queries, keys, values and o; true when missing"},
    {"rotary_pct", FieldUse::Read, "rotated part of a head; 0.25 when missing"},
    {"rotary_emb_base", FieldUse::Read, "base of the rotary positions; 10000 when missing"},
    {"rope_parameters", FieldUse::Read, "see below: how transformers 5 writes it; counts before the two above"},
    {"partial_rotary_factor", FieldUse::Read, "refused when it is another than what counts"},
    {"rope_theta", FieldUse::Read, "refused when it is another than what counts"},
    {"rope_scaling", FieldUse::Only, "stretched rotary positions"},
    {"tie_word_embeddings", FieldUse::Read, "one table for embedding and head; false when missing"},
    {"hidden_dropout", FieldUse::Harmless, "matters in training only"},
    {"is_decoder", FieldUse::Harmless, "the family is always a decoder"},
};

static const FieldTable kRope = {
    {"rope_type", FieldUse::Only, "stretched rotary positions", R"(["default"])"},
    {"type", FieldUse::Only, "stretched rotary positions", R"(["default"])"},
    {"rope_theta", FieldUse::Read, "base of the rotary positions"},
    {"partial_rotary_factor", FieldUse::Read, "rotated part of a head"},
};

/// What an object and older fields say of the rotary positions; the first counts.
struct RotaryPart {
  std::optional<double> base, part;
};

static RotaryPart readObject(JsonFields &outer, const std::string &path, Warnings &warnings) {
  const json *object = outer.value("rope_parameters");
  if (!object)
    return {};
  if (Result<void> known = checkFields(*object, kRope, path, warnings, "rope_parameters"); !known) {
    outer.adopt(known.error());
    return {};
  }
  JsonFields fields(*object, path, "rope_parameters");
  RotaryPart read = {fields.number("rope_theta", 1, kHuge), fields.number("partial_rotary_factor", 0, 1)};
  if (!fields.ok())
    outer.adopt(fields.error());
  return read;
}

static void expectSame(JsonFields &fields, const char *field, double counts) {
  std::optional<double> value = fields.number(field, 0, kHuge);
  if (value && *value != counts)
    fields.fail(field, "is " + std::to_string(*value) + ", but other fields make it " + std::to_string(counts),
                kErrorUnsupported);
}

static void readRope(JsonFields &fields, const std::string &path, GptConfig &config) {
  RotaryPart object = readObject(fields, path, config.warnings);
  double base = fields.number("rotary_emb_base", 1, kHuge).value_or(10000);
  double part = fields.number("rotary_pct", 0, 1).value_or(0.25);
  config.ropeBase = object.base.value_or(base);
  part = object.part.value_or(part);
  config.ropeDims = std::max<int64_t>(static_cast<int64_t>(static_cast<double>(config.headWidth()) * part), 1);
  expectSame(fields, "rope_theta", config.ropeBase);
  expectSame(fields, "partial_rotary_factor", part);
}

static Result<GptConfig> readJson(const json &object, const std::string &path) {
  JsonFields fields(object, path);
  GptConfig config = readGptSizes(fields, "intermediate_size");
  config.activation = readActivation(fields, "hidden_act", Activation::Gelu);
  config.normEps = fields.number("layer_norm_eps", 0, 1).value_or(1e-5);
  config.tiedHead = fields.boolean("tie_word_embeddings").value_or(false);
  config.attentionBias = fields.boolean("attention_bias").value_or(true);
  config.projections = GptProjections::FusedByHeads;
  if (fields.boolean("use_parallel_residual").value_or(true))
    config.order = GptOrder::Parallel;
  if (fields.ok())
    readRope(fields, path, config);
  if (!fields.ok())
    return fields.error();
  return completeGptConfig(std::move(config), path);
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form;
  form.modelType = "gpt_neox";
  form.architectures = {"GPTNeoXForCausalLM"};
  form.fields = joinTables(kFields, commonConfigFields());
  form.objects = {{"rope_parameters", "Rotary positions as transformers 5 writes them.", kRope}};
  form.read = [](const json &object, const std::string &path) { return ownConfig(readJson(object, path)); };
  form.prefix = "gpt_neox.";
  form.tensors.whole = {{"embed", "embed_in"}, {"final_norm", "final_layer_norm"}, {"head", "embed_out"}};
  form.tensors.parts = {{"attn_norm", "input_layernorm"},          {"ffn_norm", "post_attention_layernorm"},
                        {"attn.qkv", "attention.query_key_value"}, {"attn.o", "attention.dense"},
                        {"ffn.up", "mlp.dense_h_to_4h"},           {"ffn.down", "mlp.dense_4h_to_h"}};
  form.olderEndings = {{"embed_out.weight", "lm_head.weight"}}; // what some versions of transformers write
  form.ignorable = {"layers.*.attention.bias", "layers.*.attention.masked_bias", "*.rotary_emb.inv_freq"};
  return form;
}

Family lmopt::describeGptNeox() {
  Family family;
  family.name = "GPT-NeoX";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  family.gguf = describeGptNeoxGguf();
  return family;
}
