// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json and GGUF metadata of the Granite family: four multipliers.
#include "frontends/families/llama/LlamaConfig.h"
#include "test/unit/frontends/Families.h"
#include "test/unit/frontends/GgufBytes.h"

using namespace lmopt;
using nlohmann::json;

static Result<LlamaConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["GraniteForCausalLM"], "model_type": "granite", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8})");
  config.merge_patch(json::parse(patch));
  return test::readAs<LlamaConfig>("granite", config);
}

TEST(GraniteConfig, Multipliers) {
  Result<LlamaConfig> config = parse(R"({"embedding_multiplier": 12, "residual_multiplier": 0.25,
    "attention_multiplier": 0.015625, "logits_scaling": 8.0})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->embeddingMultiplier, 12);
  EXPECT_EQ(config->residualMultiplier, 0.25);
  EXPECT_EQ(config->attentionScale, 0.015625);
  EXPECT_EQ(config->logitsDivisor, 8);
  Result<LlamaConfig> missing = parse("{}");
  EXPECT_EQ(missing->embeddingMultiplier, 1);
  EXPECT_EQ(missing->attentionScale, 1); // not 1 / sqrt(width of a head)
}

TEST(GraniteConfig, Refuses) {
  EXPECT_EQ(parse(R"({"residual_multiplier": 0})").error().code, 3);
  EXPECT_EQ(parse(R"({"logits_scaling": -1})").error().code, 3);
  EXPECT_EQ(parse(R"({"num_local_experts": 8})").error().code, 4);
}

static Result<LlamaConfig> parseGguf(bool finetuned, float scale) {
  test::GgufBytes file(1, 10);
  file.keyString("general.architecture", "granite");
  for (auto [key, value] : {std::pair("granite.block_count", 2u), std::pair("granite.context_length", 64u),
                            std::pair("granite.embedding_length", 8u), std::pair("granite.feed_forward_length", 6u),
                            std::pair("granite.attention.head_count", 2u)})
    file.keyU32(key, value);
  file.keyF32("granite.attention.layer_norm_rms_epsilon", 0.5f);
  file.keyF32("granite.attention.scale", scale);
  file.keyF32("granite.logit_scale", 8);
  file.keyBool("granite.rope.scaling.finetuned", finetuned);
  file.tensor("token_embd.weight", {8, 3}, 0, 0);
  return test::readGgufAs<LlamaConfig>(file.finish(256));
}

TEST(GraniteConfig, Gguf) {
  Result<LlamaConfig> config = parseGguf(true, 0.125f);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->attentionScale, 0.125);
  EXPECT_EQ(config->logitsDivisor, 8);
  EXPECT_EQ(config->embeddingMultiplier, 1);
  EXPECT_TRUE(config->ropeInterleaved);
  EXPECT_EQ(parseGguf(true, 0)->attentionScale, 0);    // the usual one
  EXPECT_EQ(parseGguf(false, 0.125f).error().code, 4); // no rotary positions
}
