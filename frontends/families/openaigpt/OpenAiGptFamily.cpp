// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of GPT-1: OpenAIGPTLMHeadModel of Hugging Face. As GPT-2, but norms stand behind the sums and none behind
// the layers; its "gelu" is the one by tanh.
// From: Radford et al., Improving Language Understanding by Generative Pre-Training (2018); transformers'
// OpenAIGPTConfig and modeling_openai.py.
// Tested by test/unit/frontends/families/OpenAiGptConfigTest.cpp and the fixture openaigpt-tied.
#include "frontends/families/gpt2/Gpt2.h"
#include "frontends/families/gpt2/GptConfig.h"
#include "frontends/families/openaigpt/OpenAiGpt.h"
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;
using nlohmann::json;

static constexpr char kTraining[] = "matters in training only";

static const FieldTable kFields = {
    {"vocab_size", FieldUse::Read, "rows of the embedding table"},
    {"n_embd", FieldUse::Read, "width; that of the feed-forward block is four times as much"},
    {"n_layer", FieldUse::Read, "layers"},
    {"n_head", FieldUse::Read, "heads"},
    {"n_positions", FieldUse::Read, "longest sequence; 512 when missing"},
    {"afn", FieldUse::Read,
     "function of the feed-forward block: gelu (by tanh), relu, silu or swish; gelu when missing"},
    {"layer_norm_epsilon", FieldUse::Read, "added to the variance in a norm; 1e-5 when missing"},
    {"tie_word_embeddings", FieldUse::Read,
     "one table for embedding and head, if the file does not hold two that differ (then both are used, with a "
     "warning); true when missing"},
    {"n_ctx", FieldUse::Harmless, "n_positions again, in old files"},
    {"n_special", FieldUse::Harmless, "counted in vocab_size, in old files"},
    {"predict_special_tokens", FieldUse::Harmless, "old files say it; the class does not read it"},
    {"summary_*", FieldUse::Harmless, "belongs to a classification head: read where there is one"},
    {"embd_pdrop", FieldUse::Harmless, kTraining},
    {"attn_pdrop", FieldUse::Harmless, kTraining},
    {"resid_pdrop", FieldUse::Harmless, kTraining},
};

/// The class has names of its own: its gelu is gelu_new elsewhere.
static Activation readFunction(JsonFields &fields) {
  std::string name = fields.string("afn").value_or("gelu");
  if (name == "gelu")
    return Activation::GeluTanh;
  if (name == "relu")
    return Activation::Relu;
  if (name != "silu" && name != "swish")
    fields.fail("afn", printable(name) + " is not supported; supported are gelu, relu, silu, swish", kErrorUnsupported);
  return Activation::Silu;
}

static Result<GptConfig> readJson(const json &object, const std::string &path) {
  JsonFields fields(object, path);
  GptConfig config;
  config.vocabulary = fields.requireInteger("vocab_size", 1, kMaxVocabulary);
  config.width = fields.requireInteger("n_embd", 1, kMaxWidth / 4);
  config.layers = fields.requireInteger("n_layer", 1, kMaxLayers);
  config.heads = fields.requireInteger("n_head", 1, kMaxHeads);
  config.maxPositions = fields.integer("n_positions", 1, kMaxPositions).value_or(512);
  config.ffnWidth = 4 * config.width;
  config.activation = readFunction(fields);
  config.normEps = fields.number("layer_norm_epsilon", 0, 1).value_or(1e-5);
  config.tiedHead = fields.boolean("tie_word_embeddings").value_or(true);
  config.order = GptOrder::NormsLast;
  config.finalNorm = false;
  config.projections = GptProjections::Fused;
  config.transposed = config.learnedPositions = true;
  if (!fields.ok())
    return fields.error();
  return completeGptConfig(std::move(config), path);
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form;
  form.modelType = "openai-gpt";
  form.architectures = {"OpenAIGPTLMHeadModel"};
  form.fields = joinTables(kFields, commonConfigFields());
  form.read = [](const json &object, const std::string &path) { return ownConfig(readJson(object, path)); };
  form.prefix = "transformer."; // the first checkpoints have none
  form.tensors.whole = {{"embed", "tokens_embed"}, {"position", "positions_embed"}, {"head", "lm_head"}};
  form.tensors.layers = "h.";
  form.tensors.parts = {{"attn_norm", "ln_1"},     {"ffn_norm", "ln_2"},   {"attn.qkv", "attn.c_attn"},
                        {"attn.o", "attn.c_proj"}, {"ffn.up", "mlp.c_fc"}, {"ffn.down", "mlp.c_proj"}};
  form.ignorable = {"h.*.attn.bias", "position_ids"}; // the causal mask and a list of numbers, in old checkpoints
  form.turned = true;
  return form;
}

Family lmopt::describeOpenAiGpt() {
  Family family;
  family.name = "GPT-1";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  return family;
}
