// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the ModernBERT family.
#include "frontends/families/modernbert/ModernBert.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<ModernBertConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["ModernBertModel"], "model_type": "modernbert", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4})");
  config.merge_patch(json::parse(patch));
  return test::readAs<ModernBertConfig>("modernbert", config);
}

TEST(ModernBertConfig, WhatIsMissing) {
  Result<ModernBertConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->maxPositions, 8192);
  EXPECT_EQ(config->window, 64);
  EXPECT_EQ(config->slides, (std::vector<bool>{false, true, true, false}));
  EXPECT_EQ(config->base, 160000);
  EXPECT_EQ(config->localBase, 10000);
  EXPECT_EQ(config->normEps, 1e-5);
  EXPECT_EQ(config->activation, Activation::Gelu);
  EXPECT_FALSE(config->normBias);
}

TEST(ModernBertConfig, WindowsAndAngles) {
  EXPECT_EQ(parse(R"({"local_attention": 16})")->window, 8);
  EXPECT_EQ(parse(R"({"sliding_window": 5})")->window, 5);
  EXPECT_EQ(parse(R"({"max_position_embeddings": 64})")->window, 0); // no text is longer
  EXPECT_EQ(parse(R"({"global_attn_every_n_layers": 2})")->slides, (std::vector<bool>{false, true, false, true}));
  auto types = R"({"layer_types": ["sliding_attention", "full_attention", "full_attention", "full_attention"]})";
  EXPECT_EQ(parse(types)->slides, (std::vector<bool>{true, false, false, false}));
  EXPECT_EQ(parse(R"({"global_rope_theta": 500})")->base, 500);
  Result<ModernBertConfig> both =
      parse(R"({"rope_parameters": {"full_attention": {"rope_theta": 7, "rope_type": "default"},
    "sliding_attention": {"rope_theta": 9}}, "local_rope_theta": 5})");
  ASSERT_TRUE(both) << both.error().message;
  EXPECT_EQ(both->base, 7);
  EXPECT_EQ(both->localBase, 9);
}

TEST(ModernBertConfig, Refuses) {
  EXPECT_EQ(parse(R"({"num_attention_heads": 5})").error().code, 3);
  EXPECT_EQ(parse(R"({"layer_types": ["full_attention"]})").error().code, 3);
  EXPECT_EQ(parse(R"({"layer_types": ["x", "x", "x", "x"]})").error().code, 4);
  EXPECT_EQ(parse(R"({"rope_parameters": {"full_attention": {"rope_type": "yarn"}}})").error().code, 4);
  EXPECT_EQ(parse(R"({"rope_parameters": {"full_attention": {"rope_theta": "big"}}})").error().code, 3);
  EXPECT_EQ(parse(R"({"rope_parameters": {"odd": {}}})").error().code, 4);
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
}
