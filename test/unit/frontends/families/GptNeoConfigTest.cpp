// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the GPT-Neo family.
#include "frontends/families/gpt2/GptConfig.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<GptConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["GPTNeoForCausalLM"], "model_type": "gpt_neo", "vocab_size": 100,
    "hidden_size": 64, "num_layers": 4, "num_heads": 4, "attention_types": [[["global", "local"], 2]]})");
  config.merge_patch(json::parse(patch));
  return test::readAs<GptConfig>("gptneo", config);
}

TEST(GptNeoConfig, WhatIsMissing) {
  Result<GptConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->maxPositions, 2048);
  EXPECT_EQ(config->ffnWidth, 256);
  EXPECT_EQ(config->window, 256);
  EXPECT_EQ(config->slides, (std::vector<bool>{false, true, false, true}));
  EXPECT_EQ(config->scales, std::vector<double>(4, 1.0));
  EXPECT_EQ(config->activation, Activation::GeluTanh);
  EXPECT_FALSE(config->projectionBias);
  EXPECT_TRUE(config->attentionBias);
  EXPECT_TRUE(config->tiedHead);
  Result<GptConfig> usual = parse(R"({"attention_types": null, "num_layers": 24})");
  ASSERT_TRUE(usual) << usual.error().message;
  EXPECT_TRUE(usual->slides[23]);
}

TEST(GptNeoConfig, WhichLayersAreLocal) {
  auto slides = [](const char *patch) { return parse(patch).take().slides; };
  EXPECT_EQ(slides(R"({"attention_types": [[["global"], 3], [["local"], 1]]})"),
            (std::vector<bool>{false, false, false, true}));
  EXPECT_EQ(slides(R"({"attention_layers": ["global", "local", "global", "local"]})")[1], true);
  EXPECT_EQ(slides(R"({"window_size": 2048})"), std::vector<bool>(4, false)); // no window at all
}

TEST(GptNeoConfig, Refuses) {
  EXPECT_EQ(parse(R"({"attention_types": [[["global"], 3]]})").error().code, 3);
  EXPECT_EQ(parse(R"({"attention_types": [[["global"], 4000000000]]})").error().code, 3);
  EXPECT_EQ(parse(R"({"attention_types": [[["strided"], 4]]})").error().code, 3);
  EXPECT_EQ(parse(R"({"attention_types": 4})").error().code, 3);
  EXPECT_EQ(parse(R"({"attention_layers": ["local", "local", "local", "local"]})").error().code, 4);
  EXPECT_EQ(parse(R"({"num_heads": 5})").error().code, 3);
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
}
