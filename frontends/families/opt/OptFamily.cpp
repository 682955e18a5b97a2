// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the OPT family: OPTForCausalLM of Hugging Face. The first token has row 2 of the table of positions;
// norms stand first or (350m) last, where there is none behind the layers; a table may be narrower than the layers.
// From: Zhang et al., OPT (2022); transformers' OPTConfig and modeling_opt.py. llama.cpp has no such architecture.
// Tested by test/unit/frontends/families/OptConfigTest.cpp and the fixtures opt-tied and opt-norms-last.
#include "frontends/families/gpt2/Gpt2.h"
#include "frontends/families/gpt2/GptConfig.h"
#include "frontends/families/opt/Opt.h"
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;
using nlohmann::json;

static constexpr int64_t kFirstPosition = 2;
static constexpr char kTraining[] = "matters in training only";

static const FieldTable kFields = {
    {"vocab_size", FieldUse::Read, "rows of the embedding table"},
    {"hidden_size", FieldUse::Read, "width"},
    {"num_hidden_layers", FieldUse::Read, "layers"},
    {"num_attention_heads", FieldUse::Read, "heads"},
    {"ffn_dim", FieldUse::Read, "width of the feed-forward block"},
    {"max_position_embeddings", FieldUse::Read, "longest sequence; the table has two rows more. 2048 when missing"},
    {"activation_function", FieldUse::Read, "function of the feed-forward block; relu when missing"},
    {"do_layer_norm_before", FieldUse::Read,
     "whether norms stand before attention and feed-forward block, or behind "
     "their sums; true when missing"},
    {"_remove_final_layer_norm", FieldUse::Read, "no norm behind the layers; false when missing"},
    {"word_embed_proj_dim", FieldUse::Read, "width of the embedding table; that of the layers when missing"},
    {"enable_bias", FieldUse::Read, "biases of linears; true when missing"},
    {"layer_norm_elementwise_affine", FieldUse::Read, "weights and biases of norms; true when missing"},
    {"tie_word_embeddings", FieldUse::Read,
     "one table for embedding and head, if the file does not hold two that differ (then both are used, with a "
     "warning); true when missing"},
    {"dropout", FieldUse::Harmless, kTraining},
    {"activation_dropout", FieldUse::Harmless, kTraining},
    {"layerdrop", FieldUse::Harmless, kTraining},
    {"init_std", FieldUse::Harmless, kTraining},
};

static Result<GptConfig> readJson(const json &object, const std::string &path) {
  JsonFields fields(object, path);
  GptConfig config = readGptSizes(fields, "ffn_dim");
  int64_t table = fields.integer("word_embed_proj_dim", 1, kMaxWidth).value_or(config.width);
  config.tableWidth = table == config.width ? 0 : table;
  config.activation = readActivation(fields, "activation_function", Activation::Relu);
  config.tiedHead = fields.boolean("tie_word_embeddings").value_or(true);
  config.attentionBias = config.ffnBias = fields.boolean("enable_bias").value_or(true);
  config.normWeights = fields.boolean("layer_norm_elementwise_affine").value_or(true);
  bool normsFirst = fields.boolean("do_layer_norm_before").value_or(true);
  config.order = normsFirst ? GptOrder::NormsFirst : GptOrder::NormsLast;
  bool removed = fields.boolean("_remove_final_layer_norm").value_or(false);
  config.finalNorm = normsFirst && !removed;
  config.learnedPositions = true;
  config.firstPosition = kFirstPosition;
  if (!fields.ok())
    return fields.error();
  return completeGptConfig(std::move(config), path);
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form;
  form.modelType = "opt";
  form.architectures = {"OPTForCausalLM"};
  form.fields = joinTables(kFields, commonConfigFields());
  form.read = [](const json &object, const std::string &path) { return ownConfig(readJson(object, path)); };
  form.prefix = "model."; // the first checkpoints have none
  form.tensors.whole = {{"embed", "decoder.embed_tokens"},          {"position", "decoder.embed_positions"},
                        {"embed_project", "decoder.project_in"},    {"head_project", "decoder.project_out"},
                        {"final_norm", "decoder.final_layer_norm"}, {"head", "lm_head"}};
  form.tensors.layers = "decoder.layers.";
  form.tensors.parts = {{"attn_norm", "self_attn_layer_norm"},
                        {"ffn_norm", "final_layer_norm"},
                        {"attn.q", "self_attn.q_proj"},
                        {"attn.k", "self_attn.k_proj"},
                        {"attn.v", "self_attn.v_proj"},
                        {"attn.o", "self_attn.out_proj"},
                        {"ffn.up", "fc1"},
                        {"ffn.down", "fc2"}};
  return form;
}

Family lmopt::describeOpt() {
  Family family;
  family.name = "OPT";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  return family;
}
