// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Gemma 1, 2 and 3 have in common: see Gemma.h. From: transformers' configuration_gemma{,2,3}.py; llama.cpp.
// Tested by test/unit/frontends/families/GemmaConfigTest.cpp.
#include "frontends/families/gemma/Gemma.h"

#include <cmath>
#include <string_view>

using namespace lmopt;

static constexpr char kNoBias[] = "biases of the feed-forward block, which the family has not";

FieldTable lmopt::gemmaFields() {
  return {
      {"head_dim", FieldUse::Read, "width of a head; 256 when missing"},
      {"max_position_embeddings", FieldUse::Read, "longest sequence; 8192 when missing"},
      {"tie_word_embeddings", FieldUse::Read,
       "one table for embedding and head, if the file does not hold two that differ (then both are used, with a "
       "warning); true when missing"},
      {"mlp_bias", FieldUse::Only, kNoBias, "[false]"},
  };
}

FieldTable lmopt::gemmaWindowFields() {
  return {
      {"hidden_activation", FieldUse::Read, "function of the feed-forward block; gelu_pytorch_tanh when missing"},
      {"hidden_act", FieldUse::Harmless, "hidden_activation counts"},
      {"query_pre_attn_scalar", FieldUse::Read, "scores are divided by its root; 256 when missing"},
      {"sliding_window", FieldUse::Read, "how many of the last positions are seen; 4096 when missing"},
      {"layer_types", FieldUse::Read, "a name a layer: full_attention or sliding_attention"},
      {"attn_logit_softcapping", FieldUse::Read, "cap of scores; none when null"},
      {"final_logit_softcapping", FieldUse::Read, "cap of logits; none when null"},
      {"cache_implementation", FieldUse::Harmless, "how transformers keeps keys and values"},
  };
}

LlamaShape lmopt::gemmaShape() {
  LlamaShape shape;
  shape.maxPositions = 8192;
  shape.headSize = 256;
  shape.activation = Activation::GeluTanh;
  shape.tiedHead = true;
  return shape;
}

LlamaShape lmopt::windowedGemmaShape() {
  LlamaShape shape = gemmaShape();
  shape.kvHeads = 4;
  shape.activationField = "hidden_activation";
  shape.windows = Windows::Typed;
  shape.window = 4096;
  return shape;
}

/// In f32, as both libraries have it.
static float rootOfWidth(const LlamaConfig &config) { return std::sqrt(static_cast<float>(config.width)); }

void lmopt::setGemma(LlamaConfig &config) {
  config.embeddingMultiplier = rootOfWidth(config);
  config.normsFromOne = true;
}

void lmopt::setGemmaOfGguf(LlamaConfig &config) {
  config.embeddingMultiplier = rootOfWidth(config);
  config.activation = Activation::GeluTanh;
}

void lmopt::readScoreScale(JsonFields &fields, LlamaConfig &config) {
  config.attentionScale = 1 / std::sqrt(fields.number("query_pre_attn_scalar", 1e-3, 1e9).value_or(256));
}

double lmopt::readCap(JsonFields &fields, const char *field, double standard) {
  return fields.number(field, 1e-3, 1e9).value_or(fields.isNull(field) ? 0 : standard);
}

void lmopt::nameNormsAround(HuggingFaceForm &form) {
  for (auto &part : form.tensors.parts)
    if (std::string_view(part.first) == "ffn_norm")
      part.second = "pre_feedforward_layernorm";
  form.tensors.parts.push_back({"attn_norm_behind", "post_attention_layernorm"});
  form.tensors.parts.push_back({"ffn_norm_behind", "post_feedforward_layernorm"});
}

void lmopt::nameNormsAround(GgufForm &form) {
  form.tensors.parts.push_back({"attn_norm_behind", "post_attention_norm"});
  form.tensors.parts.push_back({"ffn_norm_behind", "post_ffw_norm"});
}

std::vector<bool> lmopt::slidingLayers(size_t layers, int64_t pattern) {
  std::vector<bool> slides(layers);
  for (size_t i = 0; i < layers; ++i)
    slides[i] = (static_cast<int64_t>(i) + 1) % pattern != 0;
  return slides;
}

void lmopt::setScaleOfLargest(LlamaConfig &config, size_t largestLayers) {
  if (config.layers.size() == largestLayers)
    config.attentionScale = 1 / std::sqrt(double(config.width / config.layers[0].heads));
}

LlamaMetadata lmopt::gemmaMetadata(decltype(LlamaMetadata::readOwn) readOwn) {
  LlamaMetadata shape;
  shape.interleaved = false;
  shape.readOwn = readOwn;
  return shape;
}
