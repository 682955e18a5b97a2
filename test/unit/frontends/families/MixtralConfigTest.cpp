// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the Mixtral family: how many experts there are and how many a token uses, under either name; what is
// missing; and what tensors of experts are called.
#include "frontends/families/llama/LlamaConfig.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<LlamaConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8})");
  config.merge_patch(json::parse(patch));
  return test::readAs<LlamaConfig>("mixtral", config);
}

static void expectError(const char *patch, int code, const std::string &message) {
  Result<LlamaConfig> config = parse(patch);
  ASSERT_FALSE(config) << patch;
  EXPECT_EQ(config.error().message, message);
  EXPECT_EQ(config.error().code, code);
}

TEST(MixtralConfig, WhatIsMissing) {
  Result<LlamaConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->mixture->experts, 8);
  EXPECT_EQ(config->mixture->used, 2);
  EXPECT_EQ(config->mixture->width, 96);
  EXPECT_TRUE(config->mixture->renormalized);
  for (const LlamaLayer &layer : config->layers)
    EXPECT_TRUE(layer.mixed);
  EXPECT_EQ(config->layers[0].kvHeads, 8);
  EXPECT_EQ(config->maxPositions, 131072);
  EXPECT_EQ(config->ropeBase, 1e6);
  EXPECT_EQ(config->normEps, 1e-5);
  EXPECT_EQ(config->window, 0); // no window where a Mistral would have one
  EXPECT_FALSE(config->layers[0].slides);
}

TEST(MixtralConfig, Experts) {
  Result<LlamaConfig> config = parse(R"({"num_local_experts": 5, "num_experts_per_tok": 5})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->mixture->experts, 5);
  EXPECT_EQ(config->mixture->used, 5);
  EXPECT_EQ(parse(R"({"num_experts": 4})")->mixture->experts, 4);
  EXPECT_EQ(parse(R"({"num_experts": 4, "num_local_experts": 4})")->mixture->experts, 4);
  EXPECT_EQ(parse(R"({"num_local_experts": 256})")->mixture->experts, 256);
}

TEST(MixtralConfig, ExpertsThatCannotBe) {
  expectError(R"({"num_experts": 4, "num_local_experts": 8})", 4,
              "c.json: field 'num_experts': is 4, but num_local_experts, which means the same, is 8; remove the one "
              "that is not the model's");
  expectError(R"({"num_experts_per_tok": 9})", 3, "c.json: each token is to use 9 of 8 experts");
  expectError(R"({"num_local_experts": 257})", 4,
              "c.json: mixtures of 257 experts are not supported; the most are 256");
  EXPECT_EQ(parse(R"({"num_local_experts": 0})").error().code, 3);
  EXPECT_EQ(parse(R"({"num_experts_per_tok": 0})").error().code, 3);
}

TEST(MixtralConfig, Windows) {
  Result<LlamaConfig> config = parse(R"({"sliding_window": 32})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->window, 32);
  EXPECT_TRUE(config->layers[2].slides);
}

TEST(MixtralConfig, Refuses) {
  EXPECT_EQ(parse(R"({"attention_bias": true})").error().code, 4);
  EXPECT_EQ(parse(R"({"norm_topk_prob": false})").error().code, 4); // the class has no such switch
  EXPECT_EQ(parse(R"({"shared_expert_intermediate_size": 8})").error().code, 4);
  EXPECT_TRUE(parse(R"({"router_jitter_noise": 0.1, "output_router_logits": true, "router_aux_loss_coef": 0.02})"));
}

/// A number takes its place in the other name.
TEST(MixtralConfig, NamesOfTensors) {
  const TensorNames &names = test::family("mixtral").huggingFace->tensors;
  EXPECT_EQ(names.translate("layers.3.ffn.router.weight"), "model.layers.3.mlp.gate.weight");
  EXPECT_EQ(names.translate("layers.3.ffn.experts.12.gate.weight"),
            "model.layers.3.block_sparse_moe.experts.12.w1.weight");
  EXPECT_EQ(names.translate("layers.3.ffn.experts.0.up.weight"), "model.layers.3.block_sparse_moe.experts.0.w3.weight");
  EXPECT_EQ(names.translate("layers.3.ffn.experts.0.down.weight"),
            "model.layers.3.block_sparse_moe.experts.0.w2.weight");
  EXPECT_EQ(names.translate("layers.3.ffn.experts.down_proj"), "model.layers.3.mlp.experts.down_proj");
  EXPECT_EQ(names.translate("layers.3.ffn.down.weight"), "model.layers.3.mlp.down_proj.weight");
}
