// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the BERT family: BertModel of Hugging Face and checkpoints that contain one.
// From: transformers' BertConfig and modeling_bert.py. Tested by test/unit/frontends/families/BertConfigTest.cpp.
#include "frontends/families/bert/Bert.h"
#include "frontends/huggingface/Config.h"

using namespace lmopt;
using nlohmann::json;

/// Pooling and lengths are those of a bare BERT: mean over all tokens, not normalized, as long as the position table;
/// the sentence-transformers files change them.
static Result<BertConfig> readJson(const json &object, const std::string &path) {
  JsonFields fields(object, path);
  BertConfig config = readBertSizes(fields);
  if (!fields.ok())
    return fields.error();
  return config;
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form;
  form.modelType = "bert";
  form.architectures = {"BertModel", "BertForPreTraining"};
  form.heads = {
      {"BertForMaskedLM",
       "masked_lm",
       {{"head.dense", "cls.predictions.transform.dense"},
        {"head.norm", "cls.predictions.transform.LayerNorm"},
        {"head.table", "cls.predictions.decoder"},
        {"head.out", "cls.predictions"}},
       std::nullopt,
       {"cls.*"}},
      {"BertForSequenceClassification",
       "sequence_classification",
       {{"head.dense", "bert.pooler.dense"}, {"head.out", "classifier"}},
       Activation::Tanh,
       {}},
      {"BertForTokenClassification", "token_classification", {{"head.out", "classifier"}}, std::nullopt, {}},
      {"BertForQuestionAnswering", "question_answering", {{"head.out", "qa_outputs"}}, std::nullopt, {}},
  };
  form.fields = bertConfigFields();
  form.read = [](const json &object, const std::string &path) { return ownConfig(readJson(object, path)); };
  form.tensors.whole = {{"embed", "embeddings.word_embeddings"},
                        {"position", "embeddings.position_embeddings"},
                        {"token_type", "embeddings.token_type_embeddings"},
                        {"embed_norm", "embeddings.LayerNorm"}};
  form.tensors.layers = "encoder.layer.";
  form.tensors.parts = {{"attn.q", "attention.self.query"},
                        {"attn.k", "attention.self.key"},
                        {"attn.v", "attention.self.value"},
                        {"attn.o", "attention.output.dense"},
                        {"attn_norm", "attention.output.LayerNorm"},
                        {"ffn.up", "intermediate.dense"},
                        {"ffn.down", "output.dense"},
                        {"ffn_norm", "output.LayerNorm"}};
  form.prefix = "bert.";
  form.olderEndings = {{"LayerNorm.weight", "LayerNorm.gamma"}, {"LayerNorm.bias", "LayerNorm.beta"}};
  form.ignorable = {"pooler.*", "embeddings.position_ids"}; // of no use without a head; the numbers 0, 1, 2, ...
  return form;
}

Family lmopt::describeBert() {
  Family family;
  family.name = "BERT";
  family.kind = FamilyKind::Encoder;
  family.huggingFace = describeHuggingFace();
  return family;
}
