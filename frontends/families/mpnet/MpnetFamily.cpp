// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the MPNet family: MPNetModel of Hugging Face, a BERT without token types whose positions begin in row 2
// of their table, and whose scores have a bias of the distance between query and key, one table for all layers. (A
// token with the number of the padding token inside of a text takes no position there; here it counts as any other.)
// From: Song et al., MPNet (2020); transformers' MPNetConfig and modeling_mpnet.py. Tested by
// test/unit/frontends/families/MpnetConfigTest.cpp and the fixtures mpnet-mean and heads/mpnet-*.
#include "frontends/families/bert/Bert.h"
#include "frontends/families/mpnet/Mpnet.h"
#include "frontends/families/roberta/Roberta.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;
using nlohmann::json;

// Numbers of the Python class, which no field changes.
static constexpr int64_t kFirstPosition = 2, kBuckets = 32, kLargestDistance = 128;

static const FieldTable kFields = {
    {"max_position_embeddings", FieldUse::Read, "rows of the position table, of which two are not used"},
    {"relative_attention_num_buckets", FieldUse::Only,
     "another number of ranges of distances; transformers computes 32 whatever it says, and fails or leaves rows out",
     "[32]"},
    {"pad_token_id", FieldUse::Harmless, "the first token has row 2 of the position table whatever it says"},
    {"type_vocab_size", FieldUse::Harmless, "there are no token types"},
};

static Result<BertConfig> readJson(const json &object, const std::string &path) {
  JsonFields fields(object, path);
  BertConfig config = readBertSizes(fields, /*hasTokenTypes=*/false);
  if (fields.ok() && config.maxPositions <= kFirstPosition)
    fields.fail("max_position_embeddings", "leaves no position behind the first two rows");
  if (!fields.ok())
    return fields.error();
  config.firstPosition = kFirstPosition;
  config.maxPositions -= kFirstPosition;
  config.maxTokens = config.maxPositions;
  config.distanceBuckets = kBuckets;
  config.largestDistance = kLargestDistance;
  return config;
}

/// The classes by their tasks.
static const std::map<std::string_view, const char *> kClasses = {
    {"masked_lm", "MPNetForMaskedLM"},
    {"sequence_classification", "MPNetForSequenceClassification"},
    {"token_classification", "MPNetForTokenClassification"},
    {"question_answering", "MPNetForQuestionAnswering"},
};

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form = *describeRoberta().huggingFace; // whose heads it has
  form.modelType = "mpnet";
  form.architectures = {"MPNetModel"};
  nameHeadClasses(form, kClasses);
  form.fields = joinTables(kFields, joinTables(bertSizeFields(), commonConfigFields()));
  form.read = [](const json &object, const std::string &path) { return ownConfig(readJson(object, path)); };
  form.tensors.whole.push_back({"distance_bias", "encoder.relative_attention_bias"});
  form.tensors.parts = {{"attn.q", "attention.attn.q"},       {"attn.k", "attention.attn.k"},
                        {"attn.v", "attention.attn.v"},       {"attn.o", "attention.attn.o"},
                        {"attn_norm", "attention.LayerNorm"}, {"ffn.up", "intermediate.dense"},
                        {"ffn.down", "output.dense"},         {"ffn_norm", "output.LayerNorm"}};
  form.prefix = "mpnet.";
  return form;
}

Family lmopt::describeMpnet() {
  Family family;
  family.name = "MPNet";
  family.kind = FamilyKind::Encoder;
  family.huggingFace = describeHuggingFace();
  return family;
}
