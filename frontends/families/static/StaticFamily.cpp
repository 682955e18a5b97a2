// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of static embeddings: model2vec's StaticModel, in the layouts with and without clusters of tokens, and
// sentence-transformers' module StaticEmbedding, which has no config.json.
//
// Both run tokenizer.json by itself and add no special tokens. model2vec leaves unknown tokens out of the mean and cuts
// texts at max_length; sentence-transformers counts unknown tokens and cuts where tokenizer.json says so.
// From: model2vec 0.10 (model.py, persistence), sentence-transformers 6.2 (static_embedding.py). Tested by
// test/unit/frontends/families/StaticConfigTest.cpp and the fixtures static-*.
#include "frontends/families/static/Static.h"
#include "frontends/huggingface/Tables.h"

#include <algorithm>

using namespace lmopt;
using nlohmann::json;

static constexpr char kDistillation[] = "says how the table was made";
static constexpr char kTensors[] = "the tensors say it themselves";

static const FieldTable kFields = {
    {"normalize", FieldUse::Read, "whether the vector is made one long; false when missing"},
    {"max_length", FieldUse::Read, "longer texts are cut; 512 when missing, no cut when null"},
    {"embedding_dtype", FieldUse::Harmless, kTensors},
    {"vocabulary_quantization", FieldUse::Harmless, kTensors},
    {"hidden_dim", FieldUse::Harmless, kTensors},
    {"seq_length", FieldUse::Harmless, "model2vec does not use it"},
    {"tokenizer_name", FieldUse::Harmless, kDistillation},
    {"apply_pca", FieldUse::Harmless, kDistillation},
    {"apply_zipf", FieldUse::Harmless, kDistillation},
    {"sif_coefficient", FieldUse::Harmless, kDistillation},
    {"pooling", FieldUse::Harmless, kDistillation},
    {"head_config", FieldUse::Harmless, "belongs to a head, which is not part of the encoder"},
};

/// There are no positions, but memory for the rows of a text; longer texts are an error where nothing cuts them.
static constexpr int64_t kMostTokens = 8192;

static void setLimit(StaticConfig &config, int64_t tokens) {
  config.maxTokens = tokens;
  config.maxPositions = tokens ? std::min(tokens, kMostTokens) : kMostTokens;
}

static Result<StaticConfig> readJson(const json &object, const std::string &path) {
  StaticConfig config;
  JsonFields fields(object, path);
  config.normalize = fields.boolean("normalize").value_or(false);
  bool unlimited = object.contains("max_length") && object["max_length"].is_null();
  setLimit(config, unlimited ? 0 : fields.integer("max_length", 1, kMaxPositions).value_or(512));
  config.plainText = PlainTextRules{/*dropsUnknown=*/true, /*cutsAsFile=*/false};
  if (!fields.ok())
    return fields.error();
  return config;
}

static ConfigResult readModule() {
  StaticConfig config;
  setLimit(config, 0);
  config.plainText = PlainTextRules{/*dropsUnknown=*/false, /*cutsAsFile=*/true};
  return ownConfig(Result<StaticConfig>(config));
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form;
  form.modelType = "model2vec";
  form.architectures = {"StaticModel"};
  form.telltale = "embedding_dtype"; // newer files name neither
  form.fields = joinTables(kFields, commonConfigFields());
  form.read = [](const json &object, const std::string &path) { return ownConfig(readJson(object, path)); };
  form.sentenceModule = "StaticEmbedding";
  form.readModule = readModule;
  form.readTensors = [](const Checkpoint &checkpoint, const std::string &, ModelConfig &config) {
    return readStaticTensors(checkpoint, static_cast<StaticConfig &>(config));
  };
  form.ignorable = {"embeddings", "embedding.weight", "mapping", "weights"}; // readStaticTensors has seen them all
  return form;
}

Family lmopt::describeStatic() {
  Family family;
  family.name = "static embeddings";
  family.kind = FamilyKind::Encoder;
  family.huggingFace = describeHuggingFace();
  return family;
}
