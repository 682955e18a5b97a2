// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the OLMo 2 family.
#include "frontends/families/llama/LlamaConfig.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<LlamaConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["Olmo2ForCausalLM"], "model_type": "olmo2", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8})");
  config.merge_patch(json::parse(patch));
  return test::readAs<LlamaConfig>("olmo2", config);
}

TEST(Olmo2Config, NormsStandBehindAndNormQueriesAndKeys) {
  Result<LlamaConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->normPlace, NormPlace::Behind);
  EXPECT_EQ(config->queryKeyNorms, QueryKeyNorms::Whole);
  EXPECT_EQ(config->normEps, 1e-5);
  EXPECT_EQ(config->layers[0].kvHeads, 8);
  EXPECT_FALSE(config->queryBias);
  Result<LlamaConfig> biased = parse(R"({"attention_bias": true})");
  EXPECT_TRUE(biased->queryBias);
  EXPECT_TRUE(biased->outputBias);
  EXPECT_FALSE(biased->ffnBias);
}

TEST(Olmo2Config, Refuses) {
  EXPECT_EQ(parse(R"({"mlp_bias": true})").error().code, 4);
  EXPECT_EQ(parse(R"({"layer_types": ["sliding_attention"]})").error().code, 4); // OLMo 3
  EXPECT_EQ(parse(R"({"clip_qkv": 8})").error().code, 4);                        // OLMo 1
}
