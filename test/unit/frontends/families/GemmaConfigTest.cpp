// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json and GGUF metadata of Gemma 1, 2 and 3: what is missing means other numbers than with Llama; windows, caps
// and angles of layers that slide.
#include "frontends/families/llama/LlamaConfig.h"
#include "test/unit/frontends/Families.h"
#include "test/unit/frontends/GgufBytes.h"

#include <cmath>

using namespace lmopt;
using nlohmann::json;

static Result<LlamaConfig> parse(const char *family, const char *type, const char *architecture, const char *changes) {
  json config = json::parse(R"({"vocab_size": 100, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 6,
    "num_attention_heads": 4})");
  config["model_type"] = type;
  config["architectures"] = {architecture};
  json patch = json::parse(changes); // not merged: null is not missing here; lives as long as the loop
  for (const auto &[name, value] : patch.items())
    config[name] = value;
  return test::readAs<LlamaConfig>(family, config);
}
static Result<LlamaConfig> gemma(const char *patch) { return parse("gemma", "gemma", "GemmaForCausalLM", patch); }
static Result<LlamaConfig> gemma2(const char *patch) { return parse("gemma2", "gemma2", "Gemma2ForCausalLM", patch); }
static Result<LlamaConfig> gemma3(const char *patch) {
  return parse("gemma3", "gemma3_text", "Gemma3ForCausalLM", patch);
}

static std::string slides(const LlamaConfig &config) {
  std::string layers;
  for (const LlamaLayer &layer : config.layers)
    layers += layer.slides ? 's' : 'f';
  return layers;
}

TEST(GemmaConfig, WhatIsMissing) {
  Result<LlamaConfig> config = gemma("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->headSize, 256);
  EXPECT_EQ(config->maxPositions, 8192);
  EXPECT_EQ(config->activation, Activation::GeluTanh);
  EXPECT_EQ(config->embeddingMultiplier, 8);
  EXPECT_EQ(config->normPlace, NormPlace::Before);
  EXPECT_TRUE(config->normsFromOne && config->tiedHead);
  EXPECT_EQ(gemma(R"({"hidden_act": "gelu"})")->activation, Activation::GeluTanh); // as transformers takes it
  EXPECT_EQ(gemma(R"({"hidden_act": "silu"})")->activation, Activation::Silu);
}

TEST(GemmaConfig, TheMultiplierIsOfSingleWidth) {
  EXPECT_EQ(gemma(R"({"hidden_size": 640})")->embeddingMultiplier, double(std::sqrt(640.0f)));
}

TEST(GemmaConfig, Refuses) {
  EXPECT_EQ(gemma(R"({"hidden_activation": "silu"})").error().code, 4);
  EXPECT_EQ(gemma(R"({"use_bidirectional_attention": true})").error().code, 4);
  EXPECT_EQ(gemma(R"({"sliding_window": 16})").error().code, 4);
  EXPECT_EQ(gemma(R"({"magic": 1})").error().code, 4);
}

TEST(Gemma2Config, WhatIsMissing) {
  Result<LlamaConfig> config = gemma2("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->normPlace, NormPlace::Around);
  EXPECT_EQ(config->queryKeyNorms, QueryKeyNorms::None);
  EXPECT_EQ(config->window, 4096);
  EXPECT_EQ(slides(*config), "sfsfsf");
  EXPECT_EQ(config->attentionScale, 1.0 / 16);
  EXPECT_EQ(config->attentionCap, 50);
  EXPECT_EQ(config->logitsCap, 30);
  EXPECT_EQ(config->layers[0].kvHeads, 4);
}

TEST(Gemma2Config, NullIsNoCapAndNoWindow) {
  Result<LlamaConfig> config = gemma2(R"({"attn_logit_softcapping": null, "final_logit_softcapping": null})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->attentionCap, 0);
  EXPECT_EQ(config->logitsCap, 0);
  EXPECT_EQ(gemma2(R"({"query_pre_attn_scalar": 144})")->attentionScale, 1.0 / 12);
  EXPECT_EQ(slides(*gemma2(R"({"sliding_window": null})")), "ffffff");
}

TEST(Gemma2Config, Refuses) {
  EXPECT_EQ(gemma2(R"({"attn_logit_softcapping": -1})").error().code, 3);
  EXPECT_EQ(gemma2(R"({"layer_types": ["full_attention"]})").error().code, 3);
  EXPECT_EQ(gemma2(R"({"hidden_activation": "swish7"})").error().code, 4);
}

TEST(Gemma3Config, WhatIsMissing) {
  Result<LlamaConfig> config = gemma3("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->queryKeyNorms, QueryKeyNorms::Heads);
  EXPECT_EQ(slides(*config), "sssssf");
  EXPECT_EQ(config->ropeBase, 1000000);
  EXPECT_EQ(config->localRopeBase, 10000);
  EXPECT_EQ(config->maxPositions, 131072);
  EXPECT_EQ(config->attentionCap, 0);
  EXPECT_FALSE(config->ropeScaling);
}

/// As the checkpoints of the makers have it, and as transformers 5 writes it.
TEST(Gemma3Config, TwoKindsOfAngles) {
  Result<LlamaConfig> old = gemma3(R"({"rope_theta": 500, "rope_local_base_freq": 70, "sliding_window_pattern": 2,
    "rope_scaling": {"factor": 8.0, "rope_type": "linear"}})");
  ASSERT_TRUE(old) << old.error().message;
  EXPECT_EQ(slides(*old), "sfsfsf");
  Result<LlamaConfig> fresh = gemma3(R"({"rope_parameters": {
    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 500},
    "sliding_attention": {"rope_type": "default", "rope_theta": 70}}})");
  ASSERT_TRUE(fresh) << fresh.error().message;
  for (const LlamaConfig &config : {*old, *fresh}) {
    EXPECT_EQ(config.ropeBase, 500);
    EXPECT_EQ(config.localRopeBase, 70);
    ASSERT_TRUE(config.ropeScaling);
    EXPECT_EQ(config.ropeScaling->factor, 8);
  }
}

TEST(Gemma3Config, Refuses) {
  EXPECT_EQ(gemma3(R"({"rope_parameters": {"full_attention": {"rope_type": "default"}}})").error().code, 3);
  EXPECT_EQ(gemma3(R"({"rope_parameters": {"full_attention": {}, "sliding_attention": {}, "other": {}}})").error().code,
            4);
  EXPECT_EQ(gemma3(R"({"rope_parameters": {"full_attention": {"rope_type": "default"},
    "sliding_attention": {"rope_type": "linear", "factor": 2}}})")
                .error()
                .code,
            4);
}

static test::GgufBytes ggufOf(const std::string &architecture, uint32_t layers, unsigned keys) {
  test::GgufBytes file(1, 9 + keys);
  file.keyString("general.architecture", architecture);
  for (auto [key, value] :
       {std::pair(".block_count", layers), std::pair(".context_length", 64u), std::pair(".embedding_length", 16u),
        std::pair(".feed_forward_length", 6u), std::pair(".attention.head_count", 4u),
        std::pair(".attention.key_length", 16u), std::pair(".attention.value_length", 16u)})
    file.keyU32(architecture + key, value);
  file.keyF32(architecture + ".attention.layer_norm_rms_epsilon", 0.5f);
  return file;
}

static Result<LlamaConfig> readGguf(test::GgufBytes &file) {
  file.tensor("token_embd.weight", {16, 3}, 0, 0);
  return test::readGgufAs<LlamaConfig>(file.finish(256));
}

TEST(Gemma2Config, Gguf) {
  test::GgufBytes file = ggufOf("gemma2", 3, 2);
  file.keyU32("gemma2.attention.sliding_window", 8);
  file.keyF32("gemma2.attn_logit_softcapping", 7);
  Result<LlamaConfig> config = readGguf(file);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->window, 8);
  EXPECT_EQ(slides(*config), "sfs");
  EXPECT_EQ(config->attentionCap, 7);
  EXPECT_EQ(config->logitsCap, 30);
  EXPECT_FALSE(config->normsFromOne); // converters have added it
  EXPECT_EQ(config->activation, Activation::GeluTanh);
}

/// The key of the window is read once, with the family's own value where it is missing.
TEST(Gemma2Config, WindowOfGguf) {
  test::GgufBytes missing = ggufOf("gemma2", 3, 0);
  Result<LlamaConfig> config = readGguf(missing);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(slides(*config), "sfs");
  EXPECT_EQ(config->window, 0); // 4096 are more positions than there are
  test::GgufBytes none = ggufOf("gemma2", 3, 1);
  none.keyU32("gemma2.attention.sliding_window", 0);
  EXPECT_EQ(readGguf(none).error().code, 3);
}

TEST(Gemma3Config, Gguf) {
  test::GgufBytes file = ggufOf("gemma3", 7, 1);
  file.keyU32("gemma3.attention.sliding_window", 8);
  Result<LlamaConfig> config = readGguf(file);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(slides(*config), "sssssfs");
  EXPECT_EQ(config->localRopeBase, 10000);
  EXPECT_EQ(config->attentionScale, 0); // 1 / root of a head
  EXPECT_EQ(config->embeddingMultiplier, 4);
}

/// Such layers turn by angles of their own whether the window is felt or not.
TEST(Gemma3Config, GgufWithAWindowBeyondAllPositions) {
  test::GgufBytes file = ggufOf("gemma3", 7, 2);
  file.keyU32("gemma3.attention.sliding_window", 100000000);
  file.keyU32("gemma3.attention.sliding_window_pattern", 2);
  Result<LlamaConfig> config = readGguf(file);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->window, 0);
  EXPECT_EQ(slides(*config), "sfsfsfs");
}

/// llama.cpp knows the largest models by their layers, and scales their scores by the width of the model.
TEST(Gemma3Config, GgufOfTheLargest) {
  test::GgufBytes file = ggufOf("gemma3", 62, 0);
  Result<LlamaConfig> config = readGguf(file);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->attentionScale, 0.5);
  EXPECT_EQ(slides(*config), std::string(62, 'f')); // no window, nothing slides
}
