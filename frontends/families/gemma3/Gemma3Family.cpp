// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of Gemma 3's text models: Gemma3ForCausalLM of Hugging Face, architecture `gemma3` of GGUF, a Gemma with
// norms around its branches and of each head of queries and keys, five layers with a window and angles of their own to
// one that attends to all. From: Gemma Team, Gemma 3 (2025); transformers' Gemma3TextConfig and modeling_gemma3.py;
// llama.cpp. GGUF files say neither which layers slide nor, most of them, the base of their angles. Tested by
// test/unit/frontends/families/GemmaConfigTest.cpp and the fixtures gemma3-windows and gguf/gemma3.
#include "frontends/families/gemma/Gemma.h"
#include "frontends/families/gemma3/Gemma3.h"
#include "frontends/gguf/Metadata.h"

using namespace lmopt;

static constexpr int64_t kPattern = 6; // every sixth layer attends to all
static constexpr double kLocalRopeBase = 10000;
static constexpr size_t kLargestLayers = 62; // of the 27B
static constexpr char kVision[] = "of the model with pictures";

static const FieldTable kFields = {
    {"num_key_value_heads", FieldUse::Read, "key and value heads; 4 when missing"},
    {"max_position_embeddings", FieldUse::Read, "longest sequence; 131072 when missing"},
    {"rope_theta", FieldUse::Read, "base of the rotary positions; 1000000 when missing here and below"},
    {"rope_local_base_freq", FieldUse::Read, "the same of layers that slide; 10000 when missing here and below"},
    {"sliding_window_pattern", FieldUse::Read,
     "without layer_types: every so many-th layer does not slide; 6 when missing"},
    {"_sliding_window_pattern", FieldUse::Harmless, "transformers writes it and does not read it"},
    {"boi_token_index", FieldUse::Harmless, kVision},
    {"eoi_token_index", FieldUse::Harmless, kVision},
    {"image_token_index", FieldUse::Harmless, kVision},
    {"mm_tokens_per_image", FieldUse::Harmless, kVision},
};

static const FieldTable kKeys = {
    {"gemma3.attention.sliding_window", FieldUse::Read, "how many of the last positions are seen; all when missing"},
    {"gemma3.attention.sliding_window_pattern", FieldUse::Read,
     "every so many-th layer does not slide; 6 when missing"},
    {"gemma3.rope.freq_base_swa", FieldUse::Read,
     "base of the rotary positions of layers that slide; 10000 when missing"},
    {"gemma3.final_logit_softcapping", FieldUse::Read, "cap of logits; none when missing"},
};

static void setGemma3(LlamaConfig &config) {
  config.normPlace = NormPlace::Around;
  config.queryKeyNorms = QueryKeyNorms::Heads;
}

static std::vector<bool> slides(JsonFields &fields, const LlamaConfig &config) {
  int64_t pattern = fields.integer("sliding_window_pattern", 1, kMaxLayers).value_or(kPattern);
  return slidingLayers(config.layers.size(), pattern);
}

static ConfigResult readJson(const nlohmann::json &object, const std::string &path) {
  LlamaShape shape = windowedGemmaShape();
  shape.maxPositions = 131072;
  shape.ropeBase = 1000000;
  shape.localRopeBase = kLocalRopeBase;
  shape.slides = slides;
  shape.readOwn = [](JsonFields &fields, LlamaConfig &config) {
    setGemma(config);
    setGemma3(config);
    readScoreScale(fields, config);
    config.attentionCap = readCap(fields, "attn_logit_softcapping", 0);
    config.logitsCap = readCap(fields, "final_logit_softcapping", 0);
  };
  return readLlamaJson(object, path, shape);
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form = llamaForm("gemma3_text", "Gemma3ForCausalLM",
                                   joinTables(kFields, joinTables(gemmaWindowFields(), gemmaFields())), readJson);
  form.objects = {
      {"rope_scaling and rope_parameters",
       "As Llama's, of layers that attend to all; or, as transformers 5 writes it, rope_parameters has two such "
       "objects,\nfull_attention and sliding_attention, of which the second stretches nothing.",
       ropeFields()}};
  nameNormsAround(form);
  nameQueryKeyNorms(form);
  return form;
}

static void readOwnMetadata(const GgufFile &, GgufFields &fields, LlamaConfig &config) {
  setGemmaOfGguf(config);
  setGemma3(config);
  config.logitsCap = fields.number("final_logit_softcapping", 0, 1e9, 0.0);
  config.localRopeBase = fields.number("rope.freq_base_swa", 1, 1e15, kLocalRopeBase);
  setScaleOfLargest(config, kLargestLayers);
}

static GgufForm describeGguf() {
  GgufForm form = ggufLlamaForm("gemma3", kKeys, [](const GgufFile &file) {
    LlamaMetadata shape = gemmaMetadata(readOwnMetadata);
    shape.slides = [](GgufFields &fields, const LlamaConfig &config) {
      int64_t pattern = fields.integer("attention.sliding_window_pattern", 1, kMaxLayers, kPattern);
      return slidingLayers(config.layers.size(), pattern);
    };
    return readLlamaMetadata(file, "gemma3", shape);
  });
  nameNormsAround(form);
  nameQueryKeyNorms(form);
  return form;
}

Family lmopt::describeGemma3() {
  Family family;
  family.name = "Gemma 3";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  family.gguf = describeGguf();
  return family;
}
