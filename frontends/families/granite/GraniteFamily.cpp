// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the Granite family: GraniteForCausalLM of Hugging Face (3.x), architecture `granite` of GGUF, a Llama
// with four multipliers: of what is looked up, of what is added to it, of scores, and a divisor of logits. What becomes
// of them says LlamaBuilder.cpp. From: Granite Team, Granite 3.0 Language Models (2024); transformers' GraniteConfig
// and modeling_granite.py; llama.cpp. Tested by test/unit/frontends/families/GraniteConfigTest.cpp and the fixtures
// granite-tied, granite-untied and gguf/granite.
#include "files/Json.h"
#include "frontends/families/granite/Granite.h"
#include "frontends/families/llama/Llama.h"
#include "frontends/families/llama/LlamaConfig.h"
#include "frontends/gguf/Metadata.h"

using namespace lmopt;

static constexpr double kLeast = 1e-6, kMost = 1e6; // of multipliers: what f32 bears

static const FieldTable kFields = {
    {"embedding_multiplier", FieldUse::Read, "multiplies what is looked up; 1 when missing, as the three below"},
    {"residual_multiplier", FieldUse::Read, "multiplies what attention and feed-forward block add"},
    {"attention_multiplier", FieldUse::Read, "multiplies scores, in the place of 1 / sqrt(width of a head)"},
    {"logits_scaling", FieldUse::Read, "divides logits"},
};

static const FieldTable kKeys = {
    {"granite.embedding_scale", FieldUse::Read, "multiplies what is looked up; 1 when missing or 0, as the next"},
    {"granite.residual_scale", FieldUse::Read, "multiplies what attention and feed-forward block add"},
    {"granite.attention.scale", FieldUse::Read, "multiplies scores; 1 / sqrt(width of a head) when missing or 0"},
    {"granite.logit_scale", FieldUse::Read, "divides logits"},
    {"granite.rope.scaling.finetuned", FieldUse::Only, "a model without rotary positions", "[true]"},
    {"granite.expert_shared_feed_forward_length", FieldUse::Only, "mixtures of experts", "[0]"},
};

static LlamaShape shape() {
  LlamaShape shape;
  shape.readOwn = [](JsonFields &fields, LlamaConfig &config) {
    auto multiplier = [&](const char *field) { return fields.number(field, kLeast, kMost).value_or(1); };
    config.embeddingMultiplier = multiplier("embedding_multiplier");
    config.residualMultiplier = multiplier("residual_multiplier");
    config.attentionScale = multiplier("attention_multiplier");
    config.logitsDivisor = multiplier("logits_scaling");
  };
  return shape;
}

static HuggingFaceForm describeHuggingFace() {
  return llamaForm("granite", "GraniteForCausalLM", kFields, [](const nlohmann::json &object, const std::string &path) {
    return readLlamaJson(object, path, shape());
  });
}

/// llama.cpp takes 0 for "none" of the first two.
static void readOwnMetadata(const GgufFile &, GgufFields &fields, LlamaConfig &config) {
  auto multiplier = [&](const char *key) {
    double value = fields.number(key, 0, kMost, 1.0);
    return value > 0 ? value : 1;
  };
  config.embeddingMultiplier = multiplier("embedding_scale");
  config.residualMultiplier = multiplier("residual_scale");
  config.logitsDivisor = fields.number("logit_scale", kLeast, kMost);
}

static GgufForm describeGguf() {
  return ggufLlamaForm("granite", kKeys, [](const GgufFile &file) {
    LlamaMetadata shape;
    shape.readsScale = true;
    shape.readOwn = readOwnMetadata;
    return readLlamaMetadata(file, "granite", shape);
  });
}

Family lmopt::describeGranite() {
  Family family;
  family.name = "Granite";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  family.gguf = describeGguf();
  return family;
}
