// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the OPT family.
#include "frontends/families/gpt2/GptConfig.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<GptConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["OPTForCausalLM"], "model_type": "opt", "vocab_size": 100,
    "hidden_size": 64, "ffn_dim": 96, "num_hidden_layers": 3, "num_attention_heads": 4})");
  config.merge_patch(json::parse(patch));
  return test::readAs<GptConfig>("opt", config);
}

TEST(OptConfig, WhatIsMissing) {
  Result<GptConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->maxPositions, 2048);
  EXPECT_EQ(config->firstPosition, 2);
  EXPECT_EQ(config->activation, Activation::Relu);
  EXPECT_EQ(config->order, GptOrder::NormsFirst);
  EXPECT_EQ(config->projections, GptProjections::Separate);
  EXPECT_EQ(config->embeddingWidth(), 64);
  EXPECT_TRUE(config->finalNorm);
  EXPECT_TRUE(config->normWeights);
  EXPECT_TRUE(config->attentionBias);
  EXPECT_TRUE(config->tiedHead);
  EXPECT_FALSE(config->transposed);
}

TEST(OptConfig, Options) {
  Result<GptConfig> config = parse(R"({"do_layer_norm_before": false, "word_embed_proj_dim": 32, "enable_bias": false,
    "layer_norm_elementwise_affine": false})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->order, GptOrder::NormsLast);
  EXPECT_FALSE(config->finalNorm);
  EXPECT_EQ(config->tableWidth, 32);
  EXPECT_FALSE(config->attentionBias);
  EXPECT_FALSE(config->ffnBias);
  EXPECT_FALSE(config->normWeights);
  EXPECT_EQ(parse(R"({"word_embed_proj_dim": 64})")->tableWidth, 0);
  EXPECT_FALSE(parse(R"({"_remove_final_layer_norm": true})")->finalNorm);
}

TEST(OptConfig, Refuses) {
  EXPECT_EQ(parse(R"({"num_attention_heads": 5})").error().code, 3);
  EXPECT_EQ(parse(R"({"word_embed_proj_dim": 0})").error().code, 3);
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
}
