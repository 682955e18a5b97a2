// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the RoBERTa family: RobertaModel of Hugging Face, a BERT whose positions begin behind the number of the
// padding token. (A padding token inside of a text takes no position there; here it counts as any other.)
// From: Liu et al., RoBERTa (2019); transformers' RobertaConfig and modeling_roberta.py. Tested by
// test/unit/frontends/families/RobertaConfigTest.cpp and the fixture roberta-mean.
#include "frontends/families/bert/Bert.h"
#include "frontends/families/roberta/Roberta.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;
using nlohmann::json;

static const FieldTable kFields = {
    {"max_position_embeddings", FieldUse::Read, "rows of the position table, of which pad_token_id + 1 are not used"},
    {"pad_token_id", FieldUse::Read, "the first token has the position behind it; 1 when missing"},
};

static Result<BertConfig> readJson(const json &object, const std::string &path) {
  JsonFields fields(object, path);
  BertConfig config = readBertSizes(fields);
  config.firstPosition = fields.integer("pad_token_id", 0, kMaxVocabulary).value_or(1) + 1;
  if (fields.ok() && config.firstPosition >= config.maxPositions)
    fields.fail("max_position_embeddings",
                "leaves no position behind that of pad_token_id, " + std::to_string(config.firstPosition - 1));
  if (!fields.ok())
    return fields.error();
  config.maxPositions -= config.firstPosition;
  config.maxTokens = config.maxPositions;
  return config;
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form = *describeBert().huggingFace; // the tensors have BERT's names
  form.modelType = "roberta";
  form.architectures = {"RobertaModel"};
  form.heads = {
      {"RobertaForMaskedLM",
       "masked_lm",
       {{"head.dense", "lm_head.dense"},
        {"head.norm", "lm_head.layer_norm"},
        {"head.table", "lm_head.decoder"},
        {"head.out", "lm_head"}},
       Activation::Gelu,
       {}},
      {"RobertaForSequenceClassification",
       "sequence_classification",
       {{"head.dense", "classifier.dense"}, {"head.out", "classifier.out_proj"}},
       Activation::Tanh,
       {}},
      {"RobertaForTokenClassification", "token_classification", {{"head.out", "classifier"}}, std::nullopt, {}},
      {"RobertaForQuestionAnswering", "question_answering", {{"head.out", "qa_outputs"}}, std::nullopt, {}},
  };
  form.fields = joinTables(kFields, joinTables(bertSizeFields(), commonConfigFields()));
  form.read = [](const json &object, const std::string &path) { return ownConfig(readJson(object, path)); };
  form.prefix = "roberta.";
  form.olderEndings = {};
  form.ignorable = {"pooler.*", "embeddings.position_ids"};
  return form;
}

void lmopt::nameHeadClasses(HuggingFaceForm &form, const std::map<std::string_view, const char *> &classes) {
  for (HeadForm &head : form.heads)
    head.architecture = classes.at(head.task);
}

Family lmopt::describeRoberta() {
  Family family;
  family.name = "RoBERTa";
  family.kind = FamilyKind::Encoder;
  family.huggingFace = describeHuggingFace();
  return family;
}
