// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the GPT-2 family: GPT2LMHeadModel of Hugging Face, whose matrices stand the other way round (Conv1D)
// and whose queries, keys and values are one tensor; architecture `gpt2` of GGUF. From: Radford et al., Language Models
// are Unsupervised Multitask Learners (2019); transformers' GPT2Config and modeling_gpt2.py. Tested by
// test/unit/frontends/families/Gpt2ConfigTest.cpp and the fixtures gpt2-tied and gguf/gpt2.
#include "frontends/families/gpt2/Gpt2.h"
#include "frontends/families/gpt2/GptConfig.h"
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/Tables.h"

#include <cmath>

using namespace lmopt;
using nlohmann::json;

static constexpr char kTraining[] = "matters in training only";
static constexpr char kHead[] = "belongs to classes with another head";

static const FieldTable kFields = {
    {"vocab_size", FieldUse::Read, "rows of the embedding table"},
    {"n_positions", FieldUse::Read, "rows of the position table, the longest sequence"},
    {"n_embd", FieldUse::Read, "width"},
    {"n_layer", FieldUse::Read, "layers"},
    {"n_head", FieldUse::Read, "heads"},
    {"n_inner", FieldUse::Read, "width of the feed-forward block; 4 times the width when missing"},
    {"activation_function", FieldUse::Read, "function of the feed-forward block; gelu_new when missing"},
    {"layer_norm_epsilon", FieldUse::Read, "added to the variance in a norm; 1e-5 when missing"},
    {"scale_attn_weights", FieldUse::Read,
     "whether scores are divided by the root of a head's width; true when missing"},
    {"scale_attn_by_inverse_layer_idx", FieldUse::Read,
     "whether scores are divided by the number of the layer, too, from 1 on; false when missing"},
    {"tie_word_embeddings", FieldUse::Read,
     "one table for embedding and head, if the file does not hold two that differ (then both are used, with a "
     "warning); true when missing"},
    {"n_ctx", FieldUse::Harmless, "n_positions again, in old files"},
    {"reorder_and_upcast_attn", FieldUse::Harmless, "chooses how the Python class computes, not what"},
    {"summary_*", FieldUse::Harmless, kHead},
    {"embd_pdrop", FieldUse::Harmless, kTraining},
    {"attn_pdrop", FieldUse::Harmless, kTraining},
    {"resid_pdrop", FieldUse::Harmless, kTraining},
};

static void readScales(JsonFields &fields, GptConfig &config) {
  double scale = 1;
  if (fields.boolean("scale_attn_weights").value_or(true))
    scale = 1 / std::sqrt(static_cast<double>(config.headWidth()));
  bool byLayer = fields.boolean("scale_attn_by_inverse_layer_idx").value_or(false);
  for (int64_t layer = 0; layer < config.layers; ++layer)
    config.scales.push_back(byLayer ? scale / static_cast<double>(layer + 1) : scale);
}

static Result<GptConfig> readJson(const json &object, const std::string &path) {
  GptConfig config;
  JsonFields fields(object, path);
  config.vocabulary = fields.requireInteger("vocab_size", 1, kMaxVocabulary);
  config.width = fields.requireInteger("n_embd", 1, kMaxWidth);
  config.layers = fields.requireInteger("n_layer", 1, kMaxLayers);
  config.heads = fields.requireInteger("n_head", 1, kMaxHeads);
  config.maxPositions = fields.requireInteger("n_positions", 1, kMaxPositions);
  config.ffnWidth = fields.integer("n_inner", 1, kMaxWidth).value_or(4 * config.width);
  config.activation = readActivation(fields, "activation_function", Activation::GeluTanh);
  config.normEps = fields.number("layer_norm_epsilon", 0, 1).value_or(1e-5);
  config.tiedHead = fields.boolean("tie_word_embeddings").value_or(true);
  config.projections = GptProjections::Fused;
  config.transposed = config.learnedPositions = true;
  readScales(fields, config);
  if (!fields.ok())
    return fields.error();
  return completeGptConfig(std::move(config), path);
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form;
  form.modelType = "gpt2";
  form.architectures = {"GPT2LMHeadModel"};
  form.fields = joinTables(kFields, commonConfigFields());
  form.read = [](const json &object, const std::string &path) { return ownConfig(readJson(object, path)); };
  form.prefix = "transformer."; // the first checkpoints have none
  form.tensors.whole = {{"embed", "wte"}, {"position", "wpe"}, {"final_norm", "ln_f"}, {"head", "lm_head"}};
  form.tensors.layers = "h.";
  form.tensors.parts = {{"attn_norm", "ln_1"},     {"ffn_norm", "ln_2"},   {"attn.qkv", "attn.c_attn"},
                        {"attn.o", "attn.c_proj"}, {"ffn.up", "mlp.c_fc"}, {"ffn.down", "mlp.c_proj"}};
  form.ignorable = {"h.*.attn.bias", "h.*.attn.masked_bias"}; // the causal mask, in old checkpoints
  form.turned = true;
  return form;
}

Family lmopt::describeGpt2() {
  Family family;
  family.name = "GPT-2";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  family.gguf = describeGpt2Gguf();
  return family;
}
