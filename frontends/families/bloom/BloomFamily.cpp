// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the BLOOM family: BloomForCausalLM of Hugging Face, architecture `bloom` of GGUF. Scores grow with the
// position of the key (ALiBi) in the place of positions, a norm stands behind the embedding table, queries, keys and
// values are one tensor, head by head. From: BigScience, BLOOM (2022); transformers' BloomConfig and modeling_bloom.py.
// Tested by test/unit/frontends/families/BloomConfigTest.cpp and the fixtures bloom-tied and gguf/bloom.
#include "frontends/families/bloom/Bloom.h"
#include "frontends/families/gpt2/Gpt2.h"
#include "frontends/families/gpt2/GptConfig.h"
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;
using nlohmann::json;

static constexpr int64_t kUsualPositions = 2048;
static constexpr char kTraining[] = "matters in training only";
static constexpr char kHow[] = "chooses how the Python class computes, not what";

static const FieldTable kFields = {
    {"vocab_size", FieldUse::Read, "rows of the embedding table"},
    {"n_embed", FieldUse::Read, "width, in older files; counts before hidden_size"},
    {"hidden_size", FieldUse::Read, "width"},
    {"n_layer", FieldUse::Read, "layers"},
    {"num_hidden_layers", FieldUse::Read, "layers; counts before n_layer"},
    {"n_head", FieldUse::Read, "heads"},
    {"num_attention_heads", FieldUse::Read, "heads; counts before n_head"},
    {"layer_norm_epsilon", FieldUse::Read, "added to the variance in a norm; 1e-5 when missing"},
    {"apply_residual_connection_post_layernorm", FieldUse::Read,
     "whether branches are added to what they read, behind its norm, or to what that is made of; false when missing"},
    {"seq_length", FieldUse::Read,
     "longest sequence; 2048 when missing. transformers has no limit, as no table of positions ends"},
    {"tie_word_embeddings", FieldUse::Read,
     "one table for embedding and head, if the file does not hold two that differ (then both are used, with a "
     "warning); true when missing"},
    {"slow_but_exact", FieldUse::Only, "products cut into pretraining_tp parts, without the biases behind them",
     "[false]"},
    {"pretraining_tp", FieldUse::Harmless, "counts with slow_but_exact only"},
    {"n_inner", FieldUse::Harmless, "the feed-forward block is 4 times the width whatever it says"},
    {"offset_alibi", FieldUse::Harmless, "a number added to all scores of a query changes no weight"},
    {"attention_softmax_in_fp32", FieldUse::Harmless, kHow},
    {"masked_softmax_fusion", FieldUse::Harmless, kHow},
    {"bias_dropout_fusion", FieldUse::Harmless, kHow},
    {"skip_bias_add", FieldUse::Harmless, kHow},
    {"skip_bias_add_qkv", FieldUse::Harmless, kHow},
    {"hidden_dropout", FieldUse::Harmless, kTraining},
};

/// A size that has two names, of which the first counts.
static int64_t readSize(JsonFields &fields, const char *first, const char *second, int64_t most) {
  std::optional<int64_t> one = fields.integer(first, 1, most), other = fields.integer(second, 1, most);
  if (fields.ok() && !one && !other)
    fields.fail(second, std::string("is missing, and so is '") + first + "'; expected an integer");
  return one.value_or(other.value_or(1));
}

static Result<GptConfig> readJson(const json &object, const std::string &path) {
  GptConfig config;
  JsonFields fields(object, path);
  config.vocabulary = fields.requireInteger("vocab_size", 1, kMaxVocabulary);
  config.width = readSize(fields, "n_embed", "hidden_size", kMaxWidth);
  config.layers = readSize(fields, "num_hidden_layers", "n_layer", kMaxLayers);
  config.heads = readSize(fields, "num_attention_heads", "n_head", kMaxHeads);
  config.maxPositions = fields.integer("seq_length", 1, kMaxPositions).value_or(kUsualPositions);
  config.normEps = fields.number("layer_norm_epsilon", 0, 1).value_or(1e-5);
  config.tiedHead = fields.boolean("tie_word_embeddings").value_or(true);
  config.normedResidual = fields.boolean("apply_residual_connection_post_layernorm").value_or(false);
  config.projections = GptProjections::FusedByHeads;
  config.ffnWidth = 4 * config.width;
  config.embeddingNorm = true;
  if (!fields.ok())
    return fields.error();
  config.slopes = alibiSlopes(config.heads);
  return completeGptConfig(std::move(config), path);
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form;
  form.modelType = "bloom";
  form.architectures = {"BloomForCausalLM"};
  form.fields = joinTables(kFields, commonConfigFields());
  form.read = [](const json &object, const std::string &path) { return ownConfig(readJson(object, path)); };
  form.prefix = "transformer."; // the first checkpoints have none
  form.tensors.whole = {{"embed", "word_embeddings"},
                        {"embed_norm", "word_embeddings_layernorm"},
                        {"final_norm", "ln_f"},
                        {"head", "lm_head"}};
  form.tensors.layers = "h.";
  form.tensors.parts = {{"attn_norm", "input_layernorm"},
                        {"ffn_norm", "post_attention_layernorm"},
                        {"attn.qkv", "self_attention.query_key_value"},
                        {"attn.o", "self_attention.dense"},
                        {"ffn.up", "mlp.dense_h_to_4h"},
                        {"ffn.down", "mlp.dense_4h_to_h"}};
  return form;
}

Family lmopt::describeBloom() {
  Family family;
  family.name = "BLOOM";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  family.gguf = describeBloomGguf();
  return family;
}
