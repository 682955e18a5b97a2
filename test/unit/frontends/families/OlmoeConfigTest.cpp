// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the OLMoE family: experts that count by their shares, norms of all queries and keys, no clipping.
#include "frontends/families/llama/LlamaConfig.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<LlamaConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["OlmoeForCausalLM"], "model_type": "olmoe", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4})");
  config.merge_patch(json::parse(patch));
  return test::readAs<LlamaConfig>("olmoe", config);
}

TEST(OlmoeConfig, WhatIsMissing) {
  Result<LlamaConfig> config = parse(R"({"clip_qkv": null})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->mixture->experts, 64);
  EXPECT_EQ(config->mixture->used, 8);
  EXPECT_EQ(config->mixture->width, 32);
  EXPECT_FALSE(config->mixture->renormalized);
  EXPECT_TRUE(config->layers[1].mixed);
  EXPECT_EQ(config->layers[0].kvHeads, 4);
  EXPECT_EQ(config->queryKeyNorms, QueryKeyNorms::Whole);
  EXPECT_EQ(config->maxPositions, 4096);
  EXPECT_EQ(config->normEps, 1e-5);
  EXPECT_TRUE(parse(R"({"norm_topk_prob": true})")->mixture->renormalized);
}

TEST(OlmoeConfig, Refuses) {
  Result<LlamaConfig> clipped = parse(R"({"clip_qkv": 8.0})");
  ASSERT_FALSE(clipped);
  EXPECT_EQ(clipped.error().code, 4);
  EXPECT_NE(clipped.error().message.find("'clip_qkv'"), std::string::npos) << clipped.error().message;
  EXPECT_EQ(parse(R"({"decoder_sparse_step": 2})").error().code, 4); // all layers have experts
  EXPECT_EQ(parse(R"({"num_experts": 0})").error().code, 3);
}
