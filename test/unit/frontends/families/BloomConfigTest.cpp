// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json and GGUF metadata of the BLOOM family: sizes that have two names, slopes of any number of heads.
#include "frontends/families/gpt2/GptConfig.h"
#include "test/unit/frontends/Families.h"
#include "test/unit/frontends/GgufBytes.h"

using namespace lmopt;
using nlohmann::json;

static Result<GptConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["BloomForCausalLM"], "model_type": "bloom", "vocab_size": 100,
    "hidden_size": 64, "n_layer": 3, "n_head": 4})");
  config.merge_patch(json::parse(patch));
  return test::readAs<GptConfig>("bloom", config);
}

TEST(BloomConfig, WhatIsMissing) {
  Result<GptConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->maxPositions, 2048);
  EXPECT_EQ(config->activation, Activation::GeluTanh);
  EXPECT_EQ(config->ffnWidth, 256);
  EXPECT_EQ(config->normEps, 1e-5);
  EXPECT_EQ(config->order, GptOrder::NormsFirst);
  EXPECT_EQ(config->projections, GptProjections::FusedByHeads);
  EXPECT_EQ(config->slopes, (std::vector<double>{0.25, 0.0625, 0.015625, 0.00390625}));
  EXPECT_TRUE(config->embeddingNorm && config->attentionBias && config->ffnBias && config->tiedHead);
  EXPECT_FALSE(config->normedResidual || config->learnedPositions || config->ropeDims);
}

TEST(BloomConfig, NamesOfSizes) {
  Result<GptConfig> old = parse(R"({"n_embed": 32, "num_hidden_layers": 2, "num_attention_heads": 8, "n_inner": null,
    "seq_length": 100, "offset_alibi": 100, "masked_softmax_fusion": true, "pretraining_tp": 4})");
  ASSERT_TRUE(old) << old.error().message;
  EXPECT_EQ(old->width, 32);
  EXPECT_EQ(old->layers, 2);
  EXPECT_EQ(old->heads, 8);
  EXPECT_EQ(old->maxPositions, 100);
  EXPECT_EQ(parse(R"({"n_embed": null})")->width, 64);
  EXPECT_TRUE(parse(R"({"apply_residual_connection_post_layernorm": true})")->normedResidual);
}

TEST(BloomConfig, Refuses) {
  Result<GptConfig> exact = parse(R"({"slow_but_exact": true})");
  ASSERT_FALSE(exact);
  EXPECT_EQ(exact.error().code, 4);
  EXPECT_NE(exact.error().message.find("'slow_but_exact'"), std::string::npos) << exact.error().message;
  EXPECT_EQ(parse(R"({"alibi": false})").error().code, 4);
  EXPECT_EQ(parse(R"({"n_head": null})").error().message,
            "c.json: field 'n_head': is missing, and so is 'num_attention_heads'; expected an integer");
  EXPECT_EQ(parse(R"({"n_head": 3})").error().code, 3);
  EXPECT_EQ(parse(R"({"n_layer": "3"})").error().code, 3);
}

// Of 12 heads as techniques 16 has them; of 16 the first is the root of a half as f32.
TEST(BloomConfig, Slopes) {
  const double expected[] = {0.5,       0.25,       0.125,    0.0625,   0.03125,  0.015625,
                             0.0078125, 0.00390625, 0.707107, 0.353553, 0.176777, 0.088388};
  std::vector<double> slopes = alibiSlopes(12);
  ASSERT_EQ(slopes.size(), std::size(expected));
  for (size_t i = 0; i < slopes.size(); ++i)
    EXPECT_NEAR(slopes[i], expected[i], 5e-7) << i;
  EXPECT_EQ(alibiSlopes(16).front(), static_cast<double>(0.70710678F));
  EXPECT_EQ(alibiSlopes(1), std::vector<double>{0.00390625});
  EXPECT_EQ(alibiSlopes(3), (std::vector<double>{0.0625, 0.00390625, 0.25}));
  EXPECT_EQ(alibiSlopes(112).size(), 112u);
}

static Result<GptConfig> parseGguf(float bias) {
  test::GgufBytes file(1, 8);
  file.keyString("general.architecture", "bloom");
  for (auto [key, value] : {std::pair("bloom.block_count", 2u), std::pair("bloom.context_length", 64u),
                            std::pair("bloom.embedding_length", 8u), std::pair("bloom.feed_forward_length", 32u),
                            std::pair("bloom.attention.head_count", 2u)})
    file.keyU32(key, value);
  file.keyF32("bloom.attention.layer_norm_epsilon", 0.5f);
  file.keyF32("bloom.attention.max_alibi_bias", bias);
  file.tensor("token_embd.weight", {8, 3}, 0, 0);
  return test::readGgufAs<GptConfig>(file.finish(256));
}

TEST(BloomConfig, Gguf) {
  Result<GptConfig> config = parseGguf(8);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->projections, GptProjections::Fused);
  EXPECT_EQ(config->slopes, alibiSlopes(2));
  EXPECT_TRUE(config->embeddingNorm);
  EXPECT_EQ(parseGguf(16).error().code, 4);
}
