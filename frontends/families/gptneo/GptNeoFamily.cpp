// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the GPT-Neo family: GPTNeoForCausalLM of Hugging Face. Layers take turns, as in GPT-3: some see all
// positions, some a window; scores are not divided by the root of a head's width.
// From: Brown et al. (2020), 2.1; Black et al., GPT-Neo (2021); transformers' GPTNeoConfig and modeling_gpt_neo.py.
// Tested by test/unit/frontends/families/GptNeoConfigTest.cpp and the fixture gptneo-local.
#include "frontends/families/gpt2/Gpt2.h"
#include "frontends/families/gpt2/GptConfig.h"
#include "frontends/families/gptneo/GptNeo.h"
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;
using nlohmann::json;

static constexpr char kTraining[] = "matters in training only";

static const FieldTable kFields = {
    {"vocab_size", FieldUse::Read, "rows of the embedding table"},
    {"hidden_size", FieldUse::Read, "width"},
    {"num_layers", FieldUse::Read, "layers"},
    {"num_heads", FieldUse::Read, "heads"},
    {"intermediate_size", FieldUse::Read, "width of the feed-forward block; 4 times the width when missing"},
    {"max_position_embeddings", FieldUse::Read, "longest sequence; 2048 when missing"},
    {"attention_types", FieldUse::Read,
     "lists of names, global or local, and how often each list follows itself; [[[global, local], 12]] when missing"},
    {"attention_layers", FieldUse::Read, "a name a layer; must be what attention_types says"},
    {"window_size", FieldUse::Read, "how many of the last positions local layers see; 256 when missing"},
    {"activation_function", FieldUse::Read, "function of the feed-forward block; gelu_new when missing"},
    {"layer_norm_epsilon", FieldUse::Read, "added to the variance in a norm; 1e-5 when missing"},
    {"tie_word_embeddings", FieldUse::Read,
     "one table for embedding and head, if the file does not hold two that differ (then both are used, with a "
     "warning); true when missing"},
    {"summary_*", FieldUse::Harmless, "belongs to a classification head: read where there is one"},
    {"resid_dropout", FieldUse::Harmless, kTraining},
    {"embed_dropout", FieldUse::Harmless, kTraining},
};

/// Appends the names of one entry, [[name, ...], times]; false where it is none.
static bool appendEntry(const json &entry, size_t most, std::vector<std::string> &names) {
  bool isPair = entry.is_array() && entry.size() == 2 && entry[0].is_array() && entry[1].is_number_unsigned();
  if (!isPair || entry[1].get<uint64_t>() > most)
    return false;
  for (uint64_t i = 0; i < entry[1].get<uint64_t>() && names.size() <= most; ++i)
    for (const json &name : entry[0]) {
      if (name != "global" && name != "local")
        return false;
      names.push_back(name.get<std::string>());
    }
  return true;
}

/// A name a layer.
static std::vector<std::string> readTypes(JsonFields &fields, size_t layers) {
  static const json usual = json::array({json::array({json::array({"global", "local"}), 12U})});
  const json *given = fields.value("attention_types");
  const json &types = given ? *given : usual;
  std::vector<std::string> names;
  bool fits = types.is_array();
  for (size_t i = 0; fits && i < types.size(); ++i)
    fits = appendEntry(types[i], layers, names);
  if (!fits)
    fields.fail("attention_types", "expected entries [[names], times] of global and local");
  else if (names.size() != layers)
    fields.fail("attention_types",
                "says the kind of " + std::to_string(names.size()) + " layers, there are " + std::to_string(layers));
  return names;
}

static void readWindows(JsonFields &fields, GptConfig &config) {
  std::vector<std::string> types = readTypes(fields, static_cast<size_t>(config.layers));
  if (const json *listed = fields.value("attention_layers"); listed && fields.ok() && *listed != json(types))
    fields.fail("attention_layers", "is not what attention_types says", kErrorUnsupported);
  config.window = fields.integer("window_size", 1, INT64_MAX).value_or(256);
  for (const std::string &type : types)
    config.slides.push_back(type == "local" && config.window < config.maxPositions);
}

static Result<GptConfig> readJson(const json &object, const std::string &path) {
  JsonFields fields(object, path);
  GptConfig config;
  config.vocabulary = fields.requireInteger("vocab_size", 1, kMaxVocabulary);
  config.width = fields.requireInteger("hidden_size", 1, kMaxWidth);
  config.layers = fields.requireInteger("num_layers", 1, kMaxLayers);
  config.heads = fields.requireInteger("num_heads", 1, kMaxHeads);
  config.ffnWidth = fields.integer("intermediate_size", 1, kMaxWidth).value_or(4 * config.width);
  config.maxPositions = fields.integer("max_position_embeddings", 1, kMaxPositions).value_or(2048);
  config.activation = readActivation(fields, "activation_function", Activation::GeluTanh);
  config.normEps = fields.number("layer_norm_epsilon", 0, 1).value_or(1e-5);
  config.tiedHead = fields.boolean("tie_word_embeddings").value_or(true);
  config.projectionBias = false;
  config.learnedPositions = true;
  if (fields.ok())
    readWindows(fields, config);
  if (!fields.ok())
    return fields.error();
  config.scales.assign(static_cast<size_t>(config.layers), 1.0);
  return completeGptConfig(std::move(config), path);
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form;
  form.modelType = "gpt_neo";
  form.architectures = {"GPTNeoForCausalLM"};
  form.fields = joinTables(kFields, commonConfigFields());
  form.read = [](const json &object, const std::string &path) { return ownConfig(readJson(object, path)); };
  form.prefix = "transformer.";
  form.tensors.whole = {{"embed", "wte"}, {"position", "wpe"}, {"final_norm", "ln_f"}, {"head", "lm_head"}};
  form.tensors.layers = "h.";
  form.tensors.parts = {{"attn_norm", "ln_1"},
                        {"ffn_norm", "ln_2"},
                        {"attn.q", "attn.attention.q_proj"},
                        {"attn.k", "attn.attention.k_proj"},
                        {"attn.v", "attn.attention.v_proj"},
                        {"attn.o", "attn.attention.out_proj"},
                        {"ffn.up", "mlp.c_fc"},
                        {"ffn.down", "mlp.c_proj"}};
  form.ignorable = {"h.*.attn.attention.bias", "h.*.attn.attention.masked_bias"}; // the masks, in old checkpoints
  return form;
}

Family lmopt::describeGptNeo() {
  Family family;
  family.name = "GPT-Neo";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  return family;
}
