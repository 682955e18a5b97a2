// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json and GGUF metadata of the Qwen2 family.
#include "frontends/families/llama/LlamaConfig.h"
#include "test/unit/frontends/Families.h"
#include "test/unit/frontends/GgufBytes.h"

using namespace lmopt;
using nlohmann::json;

static Result<LlamaConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 32,
    "sliding_window": 16, "max_window_layers": 2, "use_sliding_window": false})");
  config.merge_patch(json::parse(patch));
  return test::readAs<LlamaConfig>("qwen2", config);
}

TEST(Qwen2Config, BiasesOfQueriesKeysAndValues) {
  Result<LlamaConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->queryBias);
  EXPECT_FALSE(config->outputBias);
  EXPECT_FALSE(config->ffnBias);
  EXPECT_EQ(config->layers[0].kvHeads, 32);
  EXPECT_EQ(config->maxPositions, 32768);
}

static std::vector<bool> slidingLayers(const LlamaConfig &config) {
  std::vector<bool> slides;
  for (const LlamaLayer &layer : config.layers)
    slides.push_back(layer.slides);
  return slides;
}

TEST(Qwen2Config, Windows) {
  EXPECT_EQ(parse("{}")->window, 0);
  EXPECT_EQ(slidingLayers(*parse("{}")), (std::vector<bool>{false, false, false}));
  Result<LlamaConfig> config = parse(R"({"use_sliding_window": true})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->window, 16);
  EXPECT_EQ(slidingLayers(*config), (std::vector<bool>{false, false, true}));
  config = parse(
      R"({"use_sliding_window": true, "layer_types": ["sliding_attention", "full_attention", "full_attention"]})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(slidingLayers(*config), (std::vector<bool>{true, false, false}));
}

TEST(Qwen2Config, Refuses) {
  EXPECT_EQ(parse(R"({"layer_types": ["sliding_attention"]})").error().code, 3); // too short
  EXPECT_EQ(parse(R"({"layer_types": ["chunked_attention", "attention", "attention"]})").error().code, 4);
  Result<LlamaConfig> none = parse(R"({"layer_types": ["full_attention", "full_attention", "sliding_attention"]})");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message,
            "c.json: field 'layer_types': has layers of sliding_attention, but there is no sliding_window");
  EXPECT_TRUE(parse(R"({"layer_types": ["full_attention", "full_attention", "full_attention"]})"));
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
}

/// Heads are as they are in the checkpoint: halves of a head are turned, not neighbours.
TEST(Qwen2Config, Gguf) {
  test::GgufBytes file(1, 7);
  file.keyString("general.architecture", "qwen2");
  for (auto [key, value] : {std::pair("qwen2.block_count", 2u), std::pair("qwen2.context_length", 64u),
                            std::pair("qwen2.embedding_length", 8u), std::pair("qwen2.feed_forward_length", 6u),
                            std::pair("qwen2.attention.head_count", 2u)})
    file.keyU32(key, value);
  file.keyF32("qwen2.attention.layer_norm_rms_epsilon", 0.5f);
  file.tensor("token_embd.weight", {8, 3}, 0, 0);
  Result<LlamaConfig> config = test::readGgufAs<LlamaConfig>(file.finish(256));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->layers.size(), 2u);
  EXPECT_FALSE(config->ropeInterleaved);
  EXPECT_TRUE(config->biasIfPresent);
}
