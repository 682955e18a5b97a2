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
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->window, 4096);
  for (const LlamaLayer &layer : config->layers)
    EXPECT_TRUE(layer.slides);
  EXPECT_EQ(parse("{}")->window, 0);
  EXPECT_FALSE(parse("{}")->layers[0].slides);
  EXPECT_EQ(parse(R"({"sliding_window": 32})")->window, 32);
  EXPECT_EQ(parse(R"({"sliding_window": 4096, "max_position_embeddings": 4096})")->window, 0);
}

/// The family's code does not read the list, its cache does.
TEST(MistralConfig, RefusesAListThatSaysSomethingElse) {
  Result<LlamaConfig> config =
      parse(R"({"sliding_window": 32, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]})");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message,
            "c.json: field 'layer_types': expected the same kind of attention in all layers, as "
            "sliding_window says");
  EXPECT_EQ(config.error().code, 4);
  EXPECT_TRUE(parse(R"({"layer_types": ["full_attention", "full_attention", "full_attention"]})"));
}

TEST(MistralConfig, Refuses) {
  EXPECT_EQ(parse(R"({"attention_bias": true})").error().code, 4);
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
  EXPECT_EQ(parse(R"({"num_key_value_heads": 3})").error().code, 3);
}
