// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the SmolLM3 family: SmolLM3ForCausalLM of Hugging Face, architecture `smollm3` of GGUF, a Llama some of
// whose layers turn nothing. From: transformers' SmolLM3Config and modeling_smollm3.py; llama.cpp, which knows the
// usual layers only (every fourth turns nothing). Tested by test/unit/frontends/families/SmolLm3ConfigTest.cpp and the
// fixtures smollm3-tied and gguf/smollm3.
#include "files/Json.h"
#include "frontends/families/llama/Llama.h"
#include "frontends/families/llama/LlamaConfig.h"
#include "frontends/families/smollm3/SmolLm3.h"

using namespace lmopt;
using nlohmann::json;

static constexpr int64_t kInterval = 4;
static constexpr char kWindow[] = "counts with use_sliding_window only";

static const FieldTable kFields = {
    {"num_key_value_heads", FieldUse::Read, "key and value heads; 4 when missing, as many as query heads when null"},
    {"max_position_embeddings", FieldUse::Read, "longest sequence; 32768 when missing"},
    {"rope_theta", FieldUse::Read, "base of the rotary positions; 2000000 when missing here and below"},
    {"tie_word_embeddings", FieldUse::Read,
     "one table for embedding and head, if the file does not hold two that differ (then both are used, with a "
     "warning); true when missing"},
    {"no_rope_layers", FieldUse::Read, "a number a layer: 1 where queries and keys are turned, 0 where they are not"},
    {"no_rope_layer_interval", FieldUse::Read,
     "when there is no such list: every so many-th layer turns nothing; 4 when missing"},
    {"sliding_window", FieldUse::Harmless, kWindow},
    {"max_window_layers", FieldUse::Harmless, kWindow},
};

static void setEvery(LlamaConfig &config, int64_t interval) {
  for (size_t i = 0; i < config.layers.size(); ++i)
    config.layers[i].rope = (static_cast<int64_t>(i) + 1) % interval != 0;
}

static void readLayers(JsonFields &fields, LlamaConfig &config) {
  setEvery(config, fields.integer("no_rope_layer_interval", 1, kMaxLayers).value_or(kInterval));
  const json *list = fields.value("no_rope_layers");
  if (!list)
    return;
  if (!list->is_array() || list->size() < config.layers.size())
    return fields.fail("no_rope_layers", "expected a list of a number for each of the " +
                                             std::to_string(config.layers.size()) + " layers");
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const json &turned = (*list)[i];
    if (turned != 0 && turned != 1 && !turned.is_boolean())
      return fields.fail("no_rope_layers", "expected numbers 0 and 1");
    config.layers[i].rope = turned == 1 || turned == true;
  }
}

static LlamaShape shape() {
  LlamaShape shape;
  shape.maxPositions = 32768;
  shape.kvHeads = 4;
  shape.windows = Windows::Ignored;
  shape.ropeBase = 2000000;
  shape.tiedHead = true;
  shape.readOwn = readLayers;
  return shape;
}

static HuggingFaceForm describeHuggingFace() {
  return llamaForm("smollm3", "SmolLM3ForCausalLM", kFields,
                   [](const json &object, const std::string &path) { return readLlamaJson(object, path, shape()); });
}

static GgufForm describeGguf() {
  return ggufLlamaForm("smollm3", {}, [](const GgufFile &file) {
    LlamaMetadata shape;
    shape.readOwn = [](const GgufFile &, GgufFields &, LlamaConfig &config) { setEvery(config, kInterval); };
    return readLlamaMetadata(file, "smollm3", shape);
  });
}

Family lmopt::describeSmolLm3() {
  Family family;
  family.name = "SmolLM3";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  family.gguf = describeGguf();
  return family;
}
