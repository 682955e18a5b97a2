// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the Mistral family: what is missing means other numbers than with Llama, and null is no window.
#include "frontends/families/llama/LlamaConfig.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<LlamaConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8})");
  config["sliding_window"] = nullptr; // before the patch: merging a null takes a field away
  json changes = json::parse(patch);  // lives as long as the loop
  for (const auto &[name, value] : changes.items())
    config[name] = value;
  return test::readAs<LlamaConfig>("mistral", config);
}

TEST(MistralConfig, WhatIsMissing) {
  Result<LlamaConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->layers[0].kvHeads, 8);
  EXPECT_EQ(config->maxPositions, 131072);
  EXPECT_FALSE(config->queryBias);
  EXPECT_FALSE(config->outputBias);
  EXPECT_FALSE(config->ropeInterleaved);
}

TEST(MistralConfig, Windows) {
  json missing = json::parse(R"({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8})");
  Result<LlamaConfig> config = test::readAs<LlamaConfig>("mistral", missing);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message,
            "c.json: field 'sliding_window': attention to a window of 4096 of 131072 positions is not supported");
  EXPECT_EQ(config.error().code, 4);
  EXPECT_EQ(parse(R"({"sliding_window": 32})").error().code, 4);
  EXPECT_TRUE(parse(R"({"sliding_window": 4096, "max_position_embeddings": 4096})"));
}

TEST(MistralConfig, Refuses) {
  EXPECT_EQ(parse(R"({"attention_bias": true})").error().code, 4);
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
  EXPECT_EQ(parse(R"({"num_key_value_heads": 3})").error().code, 3);
}
