// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of GPT-1.
#include "frontends/families/gpt2/GptConfig.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<GptConfig> parse(const char *patch) {
  json config =
      json::parse(R"({"architectures": ["OpenAIGPTLMHeadModel"], "model_type": "openai-gpt", "vocab_size": 100,
    "n_embd": 64, "n_layer": 3, "n_head": 4})");
  config.merge_patch(json::parse(patch));
  return test::readAs<GptConfig>("openaigpt", config);
}

TEST(OpenAiGptConfig, WhatIsMissing) {
  Result<GptConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->maxPositions, 512);
  EXPECT_EQ(config->ffnWidth, 256);
  EXPECT_EQ(config->activation, Activation::GeluTanh);
  EXPECT_EQ(config->order, GptOrder::NormsLast);
  EXPECT_EQ(config->projections, GptProjections::Fused);
  EXPECT_EQ(config->scales, std::vector<double>(3, 0.25));
  EXPECT_FALSE(config->finalNorm);
  EXPECT_TRUE(config->transposed);
  EXPECT_TRUE(config->tiedHead);
}

TEST(OpenAiGptConfig, FunctionsHaveNamesOfTheirOwn) {
  EXPECT_EQ(parse(R"({"afn": "gelu"})")->activation, Activation::GeluTanh);
  EXPECT_EQ(parse(R"({"afn": "relu"})")->activation, Activation::Relu);
  EXPECT_EQ(parse(R"({"afn": "swish"})")->activation, Activation::Silu);
  EXPECT_EQ(parse(R"({"afn": "gelu_new"})").error().code, 4);
}

TEST(OpenAiGptConfig, Refuses) {
  EXPECT_EQ(parse(R"({"n_head": 5})").error().code, 3);
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
}
