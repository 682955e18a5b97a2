// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the UltraFastBERT family: the encoder of crammed BERT (ScriptableLM) with a tree in the place of its
// feed-forward block. Checkpoints of the pretraining classes keep it behind "encoder." and repeat its table as
// decoder.weight; one of the two tables may be missing, as the makers' loader allows.
// From: Belcak and Wattenhofer, Exponentially Faster Language Modelling (2023) and Fast Feedforward Networks (2023);
// Geiping and Goldstein, Cramming (2022); their crammed_bert.py, fff.py, and the package fastfeedforward.
// Tested by test/unit/frontends/families/UltraFastBertConfigTest.cpp and the fixtures ultrafastbert-*.
#include "files/File.h"
#include "frontends/families/ultrafastbert/UltraFastBert.h"
#include "frontends/huggingface/Config.h"

#include <cmath>

using namespace lmopt;
using nlohmann::json;

static constexpr int64_t kMaxTreeDepth = 20, kMaxTrees = 1 << 16;
static constexpr int64_t kMaxTable = int64_t{1} << 28; // what #lm.sinusoids makes

namespace {
/// The objects of config.json, one in another. The first error stays in `outer`.
class ArchReader {
public:
  ArchReader(JsonFields &outer, std::string path, Warnings &warnings)
      : outer(outer), path(std::move(path)), warnings(warnings) {}

  /// The object in `field`, with every field checked; null after an error.
  const json *object(JsonFields &fields, const char *field, const char *place, const FieldTable &table) {
    const json *found = fields.value(field);
    if (!found && fields.ok())
      fields.fail(field, "is missing; expected the settings of the class");
    if (found)
      if (Result<void> known = checkFields(*found, table, path, warnings, place); !known)
        fields.adopt(known.error());
    return settle(fields) ? found : nullptr;
  }
  /// Their absence is an error in the makers' class, and null another setting.
  bool require(JsonFields &fields, std::initializer_list<const char *> names) {
    for (const char *name : names)
      if (!fields.value(name))
        fields.fail(name, "is missing");
    return settle(fields);
  }
  /// Hands an error outwards; whether nothing has gone wrong so far.
  bool settle(const JsonFields &fields) {
    if (!fields.ok())
      outer.adopt(fields.error());
    return outer.ok();
  }
  JsonFields fieldsOf(const json &object, const char *place) const { return JsonFields(object, path, place); }

private:
  JsonFields &outer;
  std::string path;
  Warnings &warnings;
};
} // namespace

/// The names of torch.nn, as the class looks them up.
static std::optional<Activation> activationOf(const std::string &name) {
  if (name == "GELU")
    return Activation::Gelu;
  if (name == "ReLU")
    return Activation::Relu;
  return name == "SiLU" ? std::optional(Activation::Silu) : std::nullopt;
}

static void readTree(JsonFields &fields, UltraFastBertConfig &config) {
  std::string kind = fields.string("intermed_type").value_or("ff"), nonlin = fields.string("nonlin").value_or("");
  if (kind != "fff" && kind != "fastfeedforward")
    fields.fail("intermed_type", printable(kind) + " is not supported; supported are 'fff' and 'fastfeedforward'",
                kErrorUnsupported);
  config.tree = kind == "fff" ? TreeKind::Neurons : TreeKind::Leaves;
  bool leaves = config.tree == TreeKind::Leaves;
  config.depth = fields.requireInteger("intermed_depth", leaves ? 1 : 0, kMaxTreeDepth);
  int64_t size = fields.requireInteger("intermed_size", 1, kMaxTrees);
  (leaves ? config.leafWidth : config.trees) = size;
  config.leafBias = fields.boolean("leaf_output_bias").value_or(true);
  std::optional<Activation> activation = activationOf(nonlin);
  if (!activation && fields.ok())
    fields.fail("nonlin", printable(nonlin) + " is not supported; supported are GELU, ReLU, SiLU", kErrorUnsupported);
  config.activation = activation.value_or(Activation::Gelu);
}

static bool readEmbedding(ArchReader &reader, JsonFields &arch, UltraFastBertConfig &config) {
  const char *place = "arch.embedding";
  const json *object = reader.object(arch, "embedding", place, crammedEmbeddingFields());
  if (!object)
    return false;
  JsonFields fields = reader.fieldsOf(*object, place);
  config.vocabulary = fields.requireInteger("vocab_size", 1, kMaxVocabulary);
  config.maxPositions = config.maxTokens = fields.requireInteger("max_seq_length", 1, kMaxPositions);
  int64_t width = fields.requireInteger("embedding_dim", 1, kMaxWidth);
  if (fields.ok() && width != config.width)
    fields.fail("embedding_dim", "must be hidden_size, " + std::to_string(config.width));
  if (fields.ok() && config.maxPositions > kMaxTable / config.width)
    fields.fail("max_seq_length", "makes a table of positions of more than 2^28 numbers");
  return reader.require(fields, {"pos_embedding", "normalization"});
}

static bool readAttention(ArchReader &reader, JsonFields &arch, UltraFastBertConfig &config) {
  const char *place = "arch.attention";
  const json *object = reader.object(arch, "attention", place, crammedAttentionFields());
  if (!object)
    return false;
  JsonFields fields = reader.fieldsOf(*object, place);
  config.heads = fields.requireInteger("num_attention_heads", 1, kMaxHeads);
  if (fields.ok() && config.width % config.heads != 0)
    fields.fail("num_attention_heads", "does not divide hidden_size");
  return reader.require(fields, {"type", "sequence_op"});
}

static bool readArch(ArchReader &reader, JsonFields &outer, UltraFastBertConfig &config) {
  const json *object = reader.object(outer, "arch", "arch", crammedArchFields());
  if (!object)
    return false;
  JsonFields fields = reader.fieldsOf(*object, "arch");
  config.layers = fields.requireInteger("num_transformer_layers", 1, kMaxLayers);
  config.width = fields.requireInteger("hidden_size", 1, kMaxWidth);
  if (fields.ok() && config.width % 2 != 0)
    fields.fail("hidden_size", "must be even: half of a position are sines, half cosines");
  readTree(fields, config);
  std::optional<double> eps = fields.number("norm_eps", 0, 1);
  config.normEps = eps.value_or(0);
  if (!reader.require(fields, {"norm", "norm_eps", "final_norm"}))
    return false;
  return readEmbedding(reader, fields, config) && readAttention(reader, fields, config);
}

/// Pooling is that of a bare encoder, the mean over all tokens; the sentence-transformers files change it.
static Result<UltraFastBertConfig> readJson(const json &object, const std::string &path) {
  UltraFastBertConfig config;
  JsonFields fields(object, path);
  ArchReader reader(fields, path, config.warnings);
  if (!readArch(reader, fields, config))
    return fields.error();
  double headWidth = static_cast<double>(config.width) / static_cast<double>(config.heads);
  config.attentionScales.assign(config.layers, 1.0 / std::sqrt(headWidth));
  return config;
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form;
  form.modelType = "crammedBERT";
  form.architectures = {"ScriptableLM", "ScriptableLMForPreTraining", "ScriptableLMForSCRIPTTraining"};
  form.fields = crammedBertFields();
  form.objects = {{"arch", "The settings of the architecture.", crammedArchFields()},
                  {"arch.embedding", "Those of the embedding.", crammedEmbeddingFields()},
                  {"arch.attention", "Those of attention.", crammedAttentionFields()}};
  form.read = [](const json &object, const std::string &path) { return ownConfig(readJson(object, path)); };
  form.readTensors = readCrammedTensors;
  form.tensors.whole = {
      {"embed", "embedding.word_embedding"}, {"position", "embedding.pos_embedding"}, {"embed_norm", "embedding.norm"}};
  form.tensors.parts = {{"attn.qkv", "attn.self_attention.query_key_value"},
                        {"attn.o", "attn.dense"},
                        {"attn_norm", "norm1"},
                        {"ffn.tree", "ffn.linear_in"},
                        {"ffn_norm", "norm2"}};
  form.prefix = "encoder.";
  form.olderEndings = {{"encoder.embedding.word_embedding.weight", "decoder.weight"}};
  form.ignorable = {"decoder.weight", // compared with the table by readTensors, as are the numbers below
                    "decoder.bias",
                    "prediction_head.*",
                    "layers.*.attn.self_attention.norm_factor",
                    "layers.*.ffn.depth",
                    "layers.*.ffn.b2s", // asked for where it counts
                    "layers.*.ffn.node_usage",
                    "layers.*.ffn.leaf_usage"};
  return form;
}

Family lmopt::describeUltraFastBert() {
  Family family;
  family.name = "UltraFastBERT";
  family.kind = FamilyKind::Encoder;
  family.huggingFace = describeHuggingFace();
  return family;
}
