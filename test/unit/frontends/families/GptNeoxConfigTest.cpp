// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json and GGUF metadata of the GPT-NeoX family: rotary positions in three spellings, of which one counts.
#include "frontends/families/gpt2/GptConfig.h"
#include "test/unit/frontends/Families.h"
#include "test/unit/frontends/GgufBytes.h"

using namespace lmopt;
using nlohmann::json;

static Result<GptConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4})");
  config.merge_patch(json::parse(patch));
  return test::readAs<GptConfig>("gptneox", config);
}

TEST(GptNeoxConfig, WhatIsMissing) {
  Result<GptConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->maxPositions, 2048);
  EXPECT_EQ(config->activation, Activation::Gelu);
  EXPECT_EQ(config->ropeDims, 4);
  EXPECT_EQ(config->ropeBase, 10000);
  EXPECT_EQ(config->order, GptOrder::Parallel);
  EXPECT_EQ(config->projections, GptProjections::FusedByHeads);
  EXPECT_TRUE(config->attentionBias);
  EXPECT_TRUE(config->ffnBias);
  EXPECT_FALSE(config->tiedHead);
  EXPECT_FALSE(config->learnedPositions);
}

TEST(GptNeoxConfig, Options) {
  EXPECT_EQ(parse(R"({"use_parallel_residual": false})")->order, GptOrder::NormsFirst);
  Result<GptConfig> config = parse(R"({"attention_bias": false})");
  EXPECT_FALSE(config->attentionBias);
  EXPECT_TRUE(config->ffnBias);
}

TEST(GptNeoxConfig, RotaryPositions) {
  Result<GptConfig> old = parse(R"({"rotary_pct": 0.5, "rotary_emb_base": 500, "rope_theta": 500,
                                    "partial_rotary_factor": 0.5})");
  ASSERT_TRUE(old) << old.error().message;
  EXPECT_EQ(old->ropeDims, 8);
  EXPECT_EQ(old->ropeBase, 500);
  Result<GptConfig> object = parse(R"({"rotary_pct": 0.5, "rope_parameters": {"rope_type": "default",
    "rope_theta": 700.0, "partial_rotary_factor": 1.0}})");
  ASSERT_TRUE(object) << object.error().message;
  EXPECT_EQ(object->ropeDims, 16);
  EXPECT_EQ(object->ropeBase, 700);
}

TEST(GptNeoxConfig, Refuses) {
  EXPECT_EQ(parse(R"({"rope_scaling": {"type": "linear", "factor": 2}})").error().code, 4);
  EXPECT_EQ(parse(R"({"rope_parameters": {"rope_type": "linear", "factor": 2}})").error().code, 4);
  EXPECT_EQ(parse(R"({"rope_parameters": 7})").error().code, 3);
  Result<GptConfig> config = parse(R"({"rope_theta": 500})");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message, "c.json: field 'rope_theta': is 500.000000, but other fields make it 10000.000000");
  EXPECT_EQ(config.error().code, 4);
  EXPECT_EQ(parse(R"({"rotary_pct": 0.2})").error().code, 3); // 3 of 16 numbers
  EXPECT_EQ(parse(R"({"rotary_pct": 0.01})").error().code, 3);
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
}

static Result<GptConfig> parseGguf(bool withResidual, bool parallel) {
  test::GgufBytes file(1, withResidual ? 9 : 8);
  file.keyString("general.architecture", "gptneox");
  for (auto [key, value] :
       {std::pair("gptneox.block_count", 2u), std::pair("gptneox.context_length", 64u),
        std::pair("gptneox.embedding_length", 8u), std::pair("gptneox.feed_forward_length", 6u),
        std::pair("gptneox.rope.dimension_count", 2u), std::pair("gptneox.attention.head_count", 2u)})
    file.keyU32(key, value);
  file.keyF32("gptneox.attention.layer_norm_epsilon", 0.5f);
  if (withResidual)
    file.keyBool("gptneox.use_parallel_residual", parallel);
  file.tensor("token_embd.weight", {8, 3}, 0, 0);
  return test::readGgufAs<GptConfig>(file.finish(256));
}

TEST(GptNeoxConfig, Gguf) {
  Result<GptConfig> config = parseGguf(true, true);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ropeDims, 2);
  EXPECT_EQ(config->order, GptOrder::Parallel);
  EXPECT_EQ(config->projections, GptProjections::Fused);
  EXPECT_EQ(config->activation, Activation::GeluTanh);
  EXPECT_EQ(parseGguf(true, false)->order, GptOrder::NormsFirst);
  EXPECT_EQ(parseGguf(false, false).error().code, 3);
}
