// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the Gemma 2 family: Gemma2ForCausalLM of Hugging Face, architecture `gemma2` of GGUF, a Gemma with
// norms around its branches, windows in every other layer, and caps of scores and logits. From: Gemma Team, Gemma 2
// (2024); transformers' Gemma2Config and modeling_gemma2.py; llama.cpp. Tested by
// test/unit/frontends/families/GemmaConfigTest.cpp and the fixtures gemma2-caps and gguf/gemma2.
#include "frontends/families/gemma/Gemma.h"
#include "frontends/families/gemma2/Gemma2.h"
#include "frontends/gguf/Metadata.h"

using namespace lmopt;

static constexpr int64_t kPattern = 2; // every second layer attends to all
static constexpr double kAttentionCap = 50, kLogitsCap = 30;
static constexpr size_t kLargestLayers = 46; // of the 27B

static const FieldTable kFields = {
    {"num_key_value_heads", FieldUse::Read, "key and value heads; 4 when missing"},
    {"attn_logit_softcapping", FieldUse::Read, "cap of scores; 50 when missing, none when null"},
    {"final_logit_softcapping", FieldUse::Read, "cap of logits; 30 when missing, none when null"},
};

static const FieldTable kKeys = {
    {"gemma2.attention.sliding_window", FieldUse::Read, "how many of the last positions are seen; 4096 when missing"},
    {"gemma2.attn_logit_softcapping", FieldUse::Read, "cap of scores; 50 when missing"},
    {"gemma2.final_logit_softcapping", FieldUse::Read, "cap of logits; 30 when missing"},
};

static void setGemma2(LlamaConfig &config) { config.normPlace = NormPlace::Around; }

static ConfigResult readJson(const nlohmann::json &object, const std::string &path) {
  LlamaShape shape = windowedGemmaShape();
  shape.slides = [](JsonFields &, const LlamaConfig &config) { return slidingLayers(config.layers.size(), kPattern); };
  shape.readOwn = [](JsonFields &fields, LlamaConfig &config) {
    setGemma(config);
    setGemma2(config);
    readScoreScale(fields, config);
    config.attentionCap = readCap(fields, "attn_logit_softcapping", kAttentionCap);
    config.logitsCap = readCap(fields, "final_logit_softcapping", kLogitsCap);
  };
  return readLlamaJson(object, path, shape);
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form = llamaForm("gemma2", "Gemma2ForCausalLM",
                                   joinTables(kFields, joinTables(gemmaWindowFields(), gemmaFields())), readJson);
  nameNormsAround(form);
  return form;
}

static void readOwnMetadata(const GgufFile &, GgufFields &fields, LlamaConfig &config) {
  setGemmaOfGguf(config);
  setGemma2(config);
  config.attentionCap = fields.number("attn_logit_softcapping", 0, 1e9, kAttentionCap);
  config.logitsCap = fields.number("final_logit_softcapping", 0, 1e9, kLogitsCap);
  setScaleOfLargest(config, kLargestLayers);
}

static GgufForm describeGguf() {
  GgufForm form = ggufLlamaForm("gemma2", kKeys, [](const GgufFile &file) {
    LlamaMetadata shape = gemmaMetadata(readOwnMetadata);
    shape.window = 4096;
    shape.slides = [](GgufFields &, const LlamaConfig &config) {
      return slidingLayers(config.layers.size(), kPattern);
    };
    return readLlamaMetadata(file, "gemma2", shape);
  });
  nameNormsAround(form);
  return form;
}

Family lmopt::describeGemma2() {
  Family family;
  family.name = "Gemma 2";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  family.gguf = describeGguf();
  return family;
}
