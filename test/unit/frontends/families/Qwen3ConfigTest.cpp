// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json and GGUF metadata of the Qwen3 family: norms of heads, heads of 128 numbers, windows behind a switch.
#include "frontends/families/llama/LlamaConfig.h"
#include "test/unit/frontends/Families.h"
#include "test/unit/frontends/GgufBytes.h"

using namespace lmopt;
using nlohmann::json;

static Result<LlamaConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 30, "num_attention_heads": 32})");
  config.merge_patch(json::parse(patch));
  return test::readAs<LlamaConfig>("qwen3", config);
}

TEST(Qwen3Config, NormsOfHeads) {
  Result<LlamaConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->queryKeyNorms, QueryKeyNorms::Heads);
  EXPECT_EQ(config->normPlace, NormPlace::Before);
  EXPECT_EQ(config->headSize, 128); // not 64 / 32
  EXPECT_EQ(config->layers[0].kvHeads, 32);
  EXPECT_FALSE(config->queryBias);
  EXPECT_EQ(config->window, 0);
  EXPECT_TRUE(parse(R"({"attention_bias": true})")->outputBias);
}

TEST(Qwen3Config, Windows) {
  Result<LlamaConfig> config = parse(R"({"use_sliding_window": true})"); // 4096 from layer 28 on
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->window, 4096);
  EXPECT_FALSE(config->layers[27].slides);
  EXPECT_TRUE(config->layers[28].slides);
}

TEST(Qwen3Config, Refuses) {
  EXPECT_EQ(parse(R"({"mlp_bias": true})").error().code, 4);
  EXPECT_EQ(parse(R"({"num_experts": 8})").error().code, 4);
  EXPECT_EQ(parse(R"({"head_dim": "x"})").error().code, 3);
}

TEST(Qwen3Config, Gguf) {
  test::GgufBytes file(1, 8);
  file.keyString("general.architecture", "qwen3");
  for (auto [key, value] : {std::pair("qwen3.block_count", 2u), std::pair("qwen3.context_length", 64u),
                            std::pair("qwen3.embedding_length", 8u), std::pair("qwen3.feed_forward_length", 6u),
                            std::pair("qwen3.attention.head_count", 2u), std::pair("qwen3.attention.key_length", 16u)})
    file.keyU32(key, value);
  file.keyF32("qwen3.attention.layer_norm_rms_epsilon", 0.5f);
  file.tensor("token_embd.weight", {8, 3}, 0, 0);
  Result<LlamaConfig> config = test::readGgufAs<LlamaConfig>(file.finish(256));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->queryKeyNorms, QueryKeyNorms::Heads);
  EXPECT_EQ(config->headSize, 16);
  EXPECT_FALSE(config->ropeInterleaved);
}
