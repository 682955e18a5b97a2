// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json and GGUF metadata of the GPT-2 family.
#include "frontends/families/gpt2/GptConfig.h"
#include "frontends/gguf/Model.h"
#include "test/unit/frontends/Families.h"
#include "test/unit/frontends/GgufBytes.h"

using namespace lmopt;
using nlohmann::json;

static Result<GptConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 100,
    "n_embd": 64, "n_layer": 3, "n_head": 4, "n_positions": 32, "n_ctx": 32})");
  config.merge_patch(json::parse(patch));
  return test::readAs<GptConfig>("gpt2", config);
}

TEST(Gpt2Config, WhatIsMissing) {
  Result<GptConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ffnWidth, 256);
  EXPECT_EQ(config->activation, Activation::GeluTanh);
  EXPECT_EQ(config->normEps, 1e-5);
  EXPECT_EQ(config->maxPositions, 32);
  EXPECT_EQ(config->scales, std::vector<double>(3, 0.25));
  EXPECT_TRUE(config->tiedHead);
  EXPECT_TRUE(config->transposed);
  EXPECT_TRUE(config->learnedPositions);
  EXPECT_EQ(config->firstPosition, 0);
  EXPECT_EQ(config->ropeDims, 0);
  EXPECT_EQ(config->order, GptOrder::NormsFirst);
  EXPECT_EQ(config->projections, GptProjections::Fused);
}

TEST(Gpt2Config, ScalesOfAttention) {
  EXPECT_EQ(parse(R"({"scale_attn_weights": false})")->scales, std::vector<double>(3, 1));
  EXPECT_EQ(parse(R"({"scale_attn_by_inverse_layer_idx": true})")->scales,
            (std::vector<double>{0.25, 0.125, 0.25 / 3}));
}

TEST(Gpt2Config, Refuses) {
  Result<GptConfig> config = parse(R"({"n_head": 5})");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message, "c.json: 5 attention heads cannot share the width 64 evenly");
  EXPECT_EQ(config.error().code, 3);
  EXPECT_EQ(parse(R"({"add_cross_attention": true})").error().code, 4);
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
  EXPECT_EQ(parse(R"({"activation_function": "sinus"})").error().code, 4);
  EXPECT_EQ(parse(R"({"n_positions": null})").error().code, 3);
}

static std::string ggufFile(uint32_t kvHeads, uint64_t keys = 7) {
  test::GgufBytes file(1, keys + (kvHeads ? 1 : 0));
  file.keyString("general.architecture", "gpt2");
  for (auto [key, value] : {std::pair("gpt2.block_count", 2u), std::pair("gpt2.context_length", 64u),
                            std::pair("gpt2.embedding_length", 8u), std::pair("gpt2.feed_forward_length", 6u),
                            std::pair("gpt2.attention.head_count", 2u)})
    file.keyU32(key, value);
  if (kvHeads)
    file.keyU32("gpt2.attention.head_count_kv", kvHeads);
  file.keyF32("gpt2.attention.layer_norm_epsilon", 0.5f);
  file.tensor("token_embd.weight", {8, 3}, 0, 0);
  return file.finish(256);
}

/// Converters have turned the matrices.
TEST(Gpt2Config, Gguf) {
  std::string bytes = ggufFile(2);
  Result<GgufFile> parsed = GgufFile::parse(bytes, "t.gguf");
  ASSERT_TRUE(parsed) << parsed.error().message;
  Result<GgufModel> model = GgufModel::read(*parsed);
  ASSERT_TRUE(model) << model.error().message;
  const auto &config = static_cast<const GptConfig &>(*model->config);
  EXPECT_EQ(config.layers, 2);
  EXPECT_EQ(config.vocabulary, 3);
  EXPECT_FALSE(config.transposed);
  EXPECT_TRUE(config.tiedHead);
  EXPECT_TRUE(config.learnedPositions);
  EXPECT_EQ(model->tensorName("layers.1.attn.qkv.bias"), "blk.1.attn_qkv.bias");
  EXPECT_EQ(model->tensorName("position.weight"), "position_embd.weight");
}

TEST(Gpt2Config, GgufRefuses) {
  std::string bytes = ggufFile(1);
  Result<GgufFile> parsed = GgufFile::parse(bytes, "t.gguf");
  ASSERT_TRUE(parsed) << parsed.error().message;
  Result<GgufModel> model = GgufModel::read(*parsed);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().message, "t.gguf: metadata key 'gpt2.attention.head_count_kv': fewer heads of keys and "
                                   "values are not supported");
}
