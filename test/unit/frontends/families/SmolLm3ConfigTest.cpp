// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the SmolLM3 family: which layers turn queries and keys. GGUF files do not say it (gguf/smollm3).
#include "frontends/families/llama/LlamaConfig.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static json config() {
  return json::parse(R"({"architectures": ["SmolLM3ForCausalLM"], "model_type": "smollm3", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 5, "num_attention_heads": 8})");
}

static Result<LlamaConfig> parse(const char *patch) {
  json changed = config();
  changed.merge_patch(json::parse(patch));
  return test::readAs<LlamaConfig>("smollm3", changed);
}

static std::vector<bool> turned(const Result<LlamaConfig> &config) {
  std::vector<bool> layers;
  for (const LlamaLayer &layer : config->layers)
    layers.push_back(layer.rope);
  return layers;
}

TEST(SmolLm3Config, WhatIsMissing) {
  Result<LlamaConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->maxPositions, 32768);
  EXPECT_EQ(config->ropeBase, 2000000);
  EXPECT_EQ(config->layers[0].kvHeads, 4);
  EXPECT_TRUE(config->tiedHead);
}

TEST(SmolLm3Config, NullMeansAsManyAsQueryHeads) {
  json changed = config();
  changed["num_key_value_heads"] = nullptr;
  EXPECT_EQ(test::readAs<LlamaConfig>("smollm3", changed)->layers[0].kvHeads, 8);
}

TEST(SmolLm3Config, LayersThatTurn) {
  EXPECT_EQ(turned(parse("{}")), (std::vector<bool>{true, true, true, false, true}));
  EXPECT_EQ(turned(parse(R"({"no_rope_layer_interval": 2})")), (std::vector<bool>{true, false, true, false, true}));
  EXPECT_EQ(turned(parse(R"({"no_rope_layers": [0, 1, 1, 0, true, 0]})")),
            (std::vector<bool>{false, true, true, false, true}));
}

TEST(SmolLm3Config, Refuses) {
  Result<LlamaConfig> few = parse(R"({"no_rope_layers": [1, 1]})");
  ASSERT_FALSE(few);
  EXPECT_EQ(few.error().message,
            "c.json: field 'no_rope_layers': expected a list of a number for each of the 5 layers");
  EXPECT_EQ(parse(R"({"no_rope_layers": [1, 1, 2, 1, 1]})").error().code, 3);
  EXPECT_EQ(parse(R"({"no_rope_layer_interval": 0})").error().code, 3);
  EXPECT_EQ(parse(R"({"use_sliding_window": true})").error().code, 4);
  EXPECT_EQ(parse(R"({"layer_types": ["sliding_attention"]})").error().code, 4);
}
