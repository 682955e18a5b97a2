// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Metadata of GGUF files with experts: architectures llama (Mixtral), qwen3moe and olmoe.
#include "frontends/families/llama/LlamaConfig.h"
#include "test/unit/frontends/Families.h"
#include "test/unit/frontends/GgufBytes.h"

using namespace lmopt;
using test::GgufBytes;

/// A small file of two layers with these keys besides, named without the architecture.
static Result<LlamaConfig> read(const std::string &architecture,
                                const std::vector<std::pair<std::string, uint32_t>> &more) {
  GgufBytes file(1, 7 + more.size());
  std::string prefix = architecture + ".";
  file.keyString("general.architecture", architecture);
  file.keyU32(prefix + "block_count", 2).keyU32(prefix + "context_length", 64).keyU32(prefix + "embedding_length", 8);
  file.keyU32(prefix + "attention.head_count", 2).keyF32(prefix + "attention.layer_norm_rms_epsilon", 0.5f);
  file.keyU32(prefix + "feed_forward_length", 6);
  for (const auto &[key, value] : more)
    file.keyU32(prefix + key, value);
  file.tensor("token_embd.weight", {8, 3}, 0, 0);
  return test::readGgufAs<LlamaConfig>(file.finish(256));
}

static void expectError(const Result<LlamaConfig> &config, int code, const std::string &message) {
  ASSERT_FALSE(config) << message;
  EXPECT_EQ(config.error().message, message);
  EXPECT_EQ(config.error().code, code);
}

TEST(GgufMixture, Mixtral) {
  Result<LlamaConfig> config = read("llama", {{"expert_count", 8}, {"expert_used_count", 2}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->mixture->experts, 8);
  EXPECT_EQ(config->mixture->used, 2);
  EXPECT_EQ(config->mixture->width, 6);
  EXPECT_TRUE(config->mixture->renormalized);
  EXPECT_TRUE(config->layers[0].mixed && config->layers[1].mixed);
  EXPECT_TRUE(config->ropeInterleaved);
  Result<LlamaConfig> dense = read("llama", {{"expert_count", 0}, {"expert_used_count", 0}});
  ASSERT_TRUE(dense) << dense.error().message;
  EXPECT_FALSE(dense->mixture);
  EXPECT_FALSE(dense->layers[0].mixed);
}

TEST(GgufMixture, Qwen3Moe) {
  Result<LlamaConfig> config =
      read("qwen3moe", {{"expert_count", 8}, {"expert_used_count", 2}, {"expert_feed_forward_length", 3}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->mixture->width, 3);
  EXPECT_TRUE(config->mixture->renormalized);
  EXPECT_EQ(config->queryKeyNorms, QueryKeyNorms::Heads);
  EXPECT_FALSE(config->ropeInterleaved);
  expectError(read("qwen3moe", {{"expert_count", 8}, {"expert_used_count", 2}}), 3,
              "t.gguf: metadata key 'qwen3moe.expert_feed_forward_length': is missing; expected an integer");
}

TEST(GgufMixture, Olmoe) {
  Result<LlamaConfig> config = read("olmoe", {{"expert_count", 8}, {"expert_used_count", 2}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_FALSE(config->mixture->renormalized);
  EXPECT_EQ(config->queryKeyNorms, QueryKeyNorms::Whole);
}

TEST(GgufMixture, WhatCannotBe) {
  expectError(read("llama", {{"expert_count", 8}}), 3, "t.gguf: each token is to use 0 of 8 experts");
  expectError(read("llama", {{"expert_count", 2}, {"expert_used_count", 3}}), 3,
              "t.gguf: each token is to use 3 of 2 experts");
  expectError(read("llama", {{"expert_used_count", 3}}), 3,
              "t.gguf: metadata key 'llama.expert_used_count': is 3, but there is no expert_count");
  expectError(read("llama", {{"expert_count", 300}, {"expert_used_count", 3}}), 4,
              "t.gguf: mixtures of 300 experts are not supported; the most are 256");
}

/// Other architectures of llama.cpp have more.
TEST(GgufMixture, Refuses) {
  for (const char *key : {"expert_shared_count", "expert_group_count", "expert_weights_norm", "expert_gating_func",
                          "expert_weights_scale", "expert_shared_feed_forward_length"}) {
    Result<LlamaConfig> config = read("llama", {{"expert_count", 8}, {"expert_used_count", 2}, {key, 1}});
    ASSERT_FALSE(config) << key;
    EXPECT_EQ(config.error().code, 4) << config.error().message;
    EXPECT_NE(config.error().message.find(key), std::string::npos) << config.error().message;
  }
  EXPECT_EQ(read("qwen3", {{"expert_count", 8}}).error().code, 4);
}

TEST(GgufMixture, NamesOfTensors) {
  const TensorNames &names = test::family("llama").gguf->tensors;
  EXPECT_EQ(names.translate("layers.3.ffn.router.weight"), "blk.3.ffn_gate_inp.weight");
  EXPECT_EQ(names.translate("layers.3.ffn.experts.up.weight"), "blk.3.ffn_up_exps.weight");
  EXPECT_EQ(names.translate("layers.3.ffn.experts.7.down.weight"), "blk.3.ffn_down.7.weight");
}
