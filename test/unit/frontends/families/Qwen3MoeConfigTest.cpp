// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the Qwen3 MoE family: which layers have experts, what gates are, heads and windows.
#include "frontends/families/llama/LlamaConfig.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<LlamaConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 6, "num_attention_heads": 4})");
  config.merge_patch(json::parse(patch));
  return test::readAs<LlamaConfig>("qwen3moe", config);
}

static std::vector<int> mixedLayers(const char *patch) {
  Result<LlamaConfig> config = parse(patch);
  EXPECT_TRUE(config) << config.error().message;
  std::vector<int> numbers;
  for (size_t i = 0; config && i < config->layers.size(); ++i)
    if (config->layers[i].mixed)
      numbers.push_back(static_cast<int>(i));
  return numbers;
}

TEST(Qwen3MoeConfig, WhatIsMissing) {
  Result<LlamaConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->mixture->experts, 128);
  EXPECT_EQ(config->mixture->used, 8);
  EXPECT_EQ(config->mixture->width, 768);
  EXPECT_FALSE(config->mixture->renormalized);
  EXPECT_EQ(config->layers[0].kvHeads, 4);
  EXPECT_EQ(config->layers[0].ffnWidth, 96);
  EXPECT_EQ(config->headSize, 16); // not 128, as with Qwen3
  EXPECT_EQ(config->queryKeyNorms, QueryKeyNorms::Heads);
  EXPECT_EQ(config->maxPositions, 32768);
  EXPECT_EQ(config->window, 0);
}

TEST(Qwen3MoeConfig, Gates) {
  EXPECT_TRUE(parse(R"({"norm_topk_prob": true})")->mixture->renormalized);
  EXPECT_EQ(parse(R"({"moe_intermediate_size": 24})")->mixture->width, 24);
  EXPECT_EQ(parse(R"({"num_local_experts": 16})")->mixture->experts, 16); // how transformers 5 saves it
  EXPECT_EQ(parse(R"({"norm_topk_prob": 1})").error().code, 3);
}

/// Layer i has experts where step divides i + 1 and the list does not name it.
TEST(Qwen3MoeConfig, LayersWithExperts) {
  EXPECT_EQ(mixedLayers("{}"), (std::vector<int>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(mixedLayers(R"({"mlp_only_layers": [0, 4, 9, -1]})"), (std::vector<int>{1, 2, 3, 5}));
  EXPECT_EQ(mixedLayers(R"({"decoder_sparse_step": 2})"), (std::vector<int>{1, 3, 5}));
  EXPECT_EQ(mixedLayers(R"({"decoder_sparse_step": 3, "mlp_only_layers": [2]})"), (std::vector<int>{5}));
  EXPECT_EQ(mixedLayers(R"({"num_experts": 0})"), std::vector<int>());
  EXPECT_EQ(parse(R"({"decoder_sparse_step": 0})").error().code, 3);
  EXPECT_EQ(parse(R"({"mlp_only_layers": [1.5]})").error().message,
            "c.json: field 'mlp_only_layers': expected a list of numbers of layers");
}

TEST(Qwen3MoeConfig, Windows) {
  Result<LlamaConfig> config = parse(R"({"use_sliding_window": true, "max_window_layers": 5})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->window, 4096);
  EXPECT_TRUE(config->layers[0].slides); // the class does not read max_window_layers
  EXPECT_EQ(parse(R"({"use_sliding_window": true, "sliding_window": 7})")->window, 7);
  EXPECT_EQ(parse(R"({"sliding_window": 7})")->window, 0);
}

TEST(Qwen3MoeConfig, Refuses) {
  EXPECT_EQ(parse(R"({"mlp_bias": true})").error().code, 4);
  EXPECT_EQ(parse(R"({"shared_expert_intermediate_size": 8})").error().code, 4);
  EXPECT_EQ(parse(R"({"num_experts": 4})").error().message, "c.json: each token is to use 8 of 4 experts");
}
