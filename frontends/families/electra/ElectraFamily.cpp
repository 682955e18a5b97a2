// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the ELECTRA family: ElectraModel of Hugging Face, a BERT whose tables may be narrower than its layers.
// From: Clark et al., ELECTRA (2020); transformers' ElectraConfig and modeling_electra.py. Tested by
// test/unit/frontends/families/ElectraConfigTest.cpp and the fixture electra-cls.
#include "frontends/families/bert/Bert.h"
#include "frontends/families/electra/Electra.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;
using nlohmann::json;

static constexpr char kSummary[] = "belongs to the head for multiple choice";

static const FieldTable kFields = {
    {"embedding_size", FieldUse::Read, "width of the tables, which a linear brings to hidden_size; 128 when missing"},
    {"summary_type", FieldUse::Harmless, kSummary},
    {"summary_use_proj", FieldUse::Harmless, kSummary},
    {"summary_activation", FieldUse::Harmless, kSummary},
    {"summary_last_dropout", FieldUse::Harmless, kSummary},
};

static Result<BertConfig> readJson(const json &object, const std::string &path) {
  JsonFields fields(object, path);
  BertConfig config = readBertSizes(fields);
  int64_t tables = fields.integer("embedding_size", 1, kMaxWidth).value_or(128);
  config.embeddingWidth = tables == config.width ? 0 : tables;
  if (!fields.ok())
    return fields.error();
  return config;
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form = *describeBert().huggingFace; // the tensors of the layers have BERT's names
  form.modelType = "electra";
  form.architectures = {"ElectraModel", "ElectraForPreTraining"};
  form.heads = {
      {"ElectraForMaskedLM",
       "masked_lm",
       {{"head.dense", "generator_predictions.dense"},
        {"head.norm", "generator_predictions.LayerNorm"},
        {"head.table", "generator_lm_head"},
        {"head.out", "generator_lm_head"}},
       Activation::Gelu,
       {}},
      {"ElectraForSequenceClassification",
       "sequence_classification",
       {{"head.dense", "classifier.dense"}, {"head.out", "classifier.out_proj"}},
       Activation::Gelu,
       {}},
      {"ElectraForTokenClassification", "token_classification", {{"head.out", "classifier"}}, std::nullopt, {}},
      {"ElectraForQuestionAnswering", "question_answering", {{"head.out", "qa_outputs"}}, std::nullopt, {}},
  };
  form.fields = joinTables(kFields, joinTables(bertSizeFields(), commonConfigFields()));
  form.read = [](const json &object, const std::string &path) { return ownConfig(readJson(object, path)); };
  form.tensors.whole.push_back({"embed_project", "embeddings_project"});
  form.prefix = "electra.";
  form.olderEndings = {};
  form.ignorable = {"discriminator_predictions.*", "embeddings.position_ids"};
  return form;
}

Family lmopt::describeElectra() {
  Family family;
  family.name = "ELECTRA";
  family.kind = FamilyKind::Encoder;
  family.huggingFace = describeHuggingFace();
  return family;
}
