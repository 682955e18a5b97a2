// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the DistilBERT family: DistilBertModel of Hugging Face, a BERT without token types and with one
// epsilon. From: Sanh et al., DistilBERT (2019); transformers' DistilBertConfig and modeling_distilbert.py. Tested by
// test/unit/frontends/families/DistilBertConfigTest.cpp and the fixture distilbert-mean.
#include "frontends/families/bert/BertConfig.h"
#include "frontends/families/distilbert/DistilBert.h"
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;
using nlohmann::json;

static constexpr char kHead[] = "belongs to a head, which is not part of the encoder";
static constexpr char kTraining[] = "matters in training only";

static const FieldTable kFields = {
    {"vocab_size", FieldUse::Read, "rows of the embedding table"},
    {"dim", FieldUse::Read, "width"},
    {"n_layers", FieldUse::Read, "layers"},
    {"n_heads", FieldUse::Read, "heads"},
    {"hidden_dim", FieldUse::Read, "width of the feed-forward block"},
    {"max_position_embeddings", FieldUse::Read, "rows of the position table"},
    {"activation", FieldUse::Read, "function of the feed-forward block; gelu when missing"},
    {"sinusoidal_pos_embds", FieldUse::Harmless, "how the position table began; the file holds what became of it"},
    {"is_decoder", FieldUse::Only, "attention to earlier tokens only", "[false]"},
    {"is_causal", FieldUse::Only, "attention to earlier tokens only", "[false]"},
    {"tie_word_embeddings", FieldUse::Harmless, kHead},
    {"tie_weights_", FieldUse::Harmless, kHead},
    {"qa_dropout", FieldUse::Harmless, kHead},
    {"seq_classif_dropout", FieldUse::Harmless, kHead},
    {"dropout", FieldUse::Harmless, kTraining},
};

static Result<BertConfig> readJson(const json &object, const std::string &path) {
  BertConfig config;
  JsonFields fields(object, path);
  config.vocabulary = fields.requireInteger("vocab_size", 1, kMaxVocabulary);
  config.width = fields.requireInteger("dim", 1, kMaxWidth);
  config.layers = fields.requireInteger("n_layers", 1, kMaxLayers);
  config.heads = fields.requireInteger("n_heads", 1, kMaxHeads);
  config.ffnWidth = fields.requireInteger("hidden_dim", 1, kMaxWidth);
  config.maxPositions = fields.requireInteger("max_position_embeddings", 1, kMaxPositions);
  config.normEps = 1e-12; // no field decides it
  config.activation = readActivation(fields, "activation", Activation::Gelu);
  config.maxTokens = config.maxPositions;
  if (fields.ok() && config.width % config.heads != 0)
    fields.fail("n_heads", "does not divide dim");
  if (!fields.ok())
    return fields.error();
  return config;
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form;
  form.modelType = "distilbert";
  form.architectures = {"DistilBertModel"};
  form.heads = {
      {"DistilBertForMaskedLM",
       "masked_lm",
       {{"head.dense", "vocab_transform"},
        {"head.norm", "vocab_layer_norm"},
        {"head.table", "vocab_projector"},
        {"head.out", "vocab_projector"}},
       std::nullopt,
       {}},
      {"DistilBertForSequenceClassification",
       "sequence_classification",
       {{"head.dense", "pre_classifier"}, {"head.out", "classifier"}},
       Activation::Relu,
       {}},
      {"DistilBertForTokenClassification", "token_classification", {{"head.out", "classifier"}}, std::nullopt, {}},
      {"DistilBertForQuestionAnswering", "question_answering", {{"head.out", "qa_outputs"}}, std::nullopt, {}},
  };
  form.fields = joinTables(kFields, commonConfigFields());
  form.read = [](const json &object, const std::string &path) { return ownConfig(readJson(object, path)); };
  form.tensors.whole = {{"embed", "embeddings.word_embeddings"},
                        {"position", "embeddings.position_embeddings"},
                        {"embed_norm", "embeddings.LayerNorm"}};
  form.tensors.layers = "transformer.layer.";
  form.tensors.parts = {{"attn.q", "attention.q_lin"},  {"attn.k", "attention.k_lin"},
                        {"attn.v", "attention.v_lin"},  {"attn.o", "attention.out_lin"},
                        {"attn_norm", "sa_layer_norm"}, {"ffn.up", "ffn.lin1"},
                        {"ffn.down", "ffn.lin2"},       {"ffn_norm", "output_layer_norm"}};
  form.prefix = "distilbert.";
  form.ignorable = {"embeddings.position_ids"};
  return form;
}

Family lmopt::describeDistilBert() {
  Family family;
  family.name = "DistilBERT";
  family.kind = FamilyKind::Encoder;
  family.huggingFace = describeHuggingFace();
  return family;
}
