// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the ALBERT family: AlbertModel of Hugging Face, a BERT whose layers share their weights and whose
// tables are narrower than the layers. What is shared stands once in an artifact, since the layers name the same
// params. From: Lan et al., ALBERT (2019); transformers' AlbertConfig and modeling_albert.py. Tested by
// test/unit/frontends/families/AlbertConfigTest.cpp, test/unit/frontends/ImportEncodersTest.cpp, test/e2e/shared.py and
// the fixtures albert-mean and heads/albert-*.
#include "frontends/families/albert/Albert.h"
#include "frontends/families/bert/Bert.h"
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;
using nlohmann::json;

static constexpr char kUnused[] =
    "left over from the program that trained the first models; transformers does not use it";

static const FieldTable kFields = {
    {"embedding_size", FieldUse::Read, "width of the tables, which a linear brings to hidden_size; 128 when missing"},
    {"hidden_act", FieldUse::Read, "function of the feed-forward block; gelu_new when missing"},
    {"num_hidden_groups", FieldUse::Read, "groups of layers; those of one group share their weights; 1 when missing"},
    {"inner_group_num", FieldUse::Only, "several layers with weights of their own in each group", "[1]"},
    {"classifier_dropout_prob", FieldUse::Harmless, "matters in training only"},
    {"eos_token_ids", FieldUse::Harmless, "what versions before 3 called eos_token_id"},
    {"down_scale_factor", FieldUse::Harmless, kUnused},
    {"gap_size", FieldUse::Harmless, kUnused},
    {"net_structure_type", FieldUse::Harmless, kUnused},
    {"num_memory_blocks", FieldUse::Harmless, kUnused},
};

static Result<BertConfig> readJson(const json &object, const std::string &path) {
  JsonFields fields(object, path);
  BertConfig config = readBertSizes(fields);
  config.activation = readActivation(fields, "hidden_act", Activation::GeluTanh);
  config.embeddingWidth = fields.integer("embedding_size", 1, kMaxWidth).value_or(128); // with a linear at any width
  config.groups = fields.integer("num_hidden_groups", 1, kMaxLayers).value_or(1);
  if (fields.ok() && config.groups > config.layers)
    fields.fail("num_hidden_groups", "is more than num_hidden_layers, " + std::to_string(config.layers));
  if (!fields.ok())
    return fields.error();
  return config;
}

static std::vector<HeadForm> describeHeads() {
  return {
      {"AlbertForMaskedLM",
       "masked_lm",
       {{"head.dense", "predictions.dense"},
        {"head.norm", "predictions.LayerNorm"},
        {"head.table", "predictions.decoder"},
        {"head.out", "predictions"}},
       std::nullopt,
       {}},
      {"AlbertForSequenceClassification",
       "sequence_classification",
       {{"head.dense", "albert.pooler"}, {"head.out", "classifier"}},
       Activation::Tanh,
       {}},
      {"AlbertForTokenClassification", "token_classification", {{"head.out", "classifier"}}, std::nullopt, {}},
      {"AlbertForQuestionAnswering", "question_answering", {{"head.out", "qa_outputs"}}, std::nullopt, {}},
  };
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form;
  form.modelType = "albert";
  form.architectures = {"AlbertModel", "AlbertForPreTraining"};
  form.heads = describeHeads();
  form.fields = joinTables(kFields, joinTables(bertSizeFields(), commonConfigFields()));
  form.read = [](const json &object, const std::string &path) { return ownConfig(readJson(object, path)); };
  form.tensors.whole = {{"embed", "embeddings.word_embeddings"},
                        {"position", "embeddings.position_embeddings"},
                        {"token_type", "embeddings.token_type_embeddings"},
                        {"embed_norm", "embeddings.LayerNorm"},
                        {"embed_project", "encoder.embedding_hidden_mapping_in"}};
  form.tensors.layers = "encoder.albert_layer_groups.";
  form.tensors.parts = {
      {"attn.q", "albert_layers.0.attention.query"},        {"attn.k", "albert_layers.0.attention.key"},
      {"attn.v", "albert_layers.0.attention.value"},        {"attn.o", "albert_layers.0.attention.dense"},
      {"attn_norm", "albert_layers.0.attention.LayerNorm"}, {"ffn.up", "albert_layers.0.ffn"},
      {"ffn.down", "albert_layers.0.ffn_output"},           {"ffn_norm", "albert_layers.0.full_layer_layer_norm"}};
  form.prefix = "albert.";
  form.ignorable = {"pooler.*", "predictions.*", "sop_classifier.*", "embeddings.position_ids"};
  return form;
}

Family lmopt::describeAlbert() {
  Family family;
  family.name = "ALBERT";
  family.kind = FamilyKind::Encoder;
  family.huggingFace = describeHuggingFace();
  return family;
}
