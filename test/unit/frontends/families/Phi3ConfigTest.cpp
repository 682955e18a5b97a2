// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the Phi-3 family: the rotated part of a head, longrope whose first length stands outside, windows.
// What GGUF files say of the factors is in the fixture gguf/phi3.
#include "frontends/families/llama/LlamaConfig.h"
#include "frontends/gguf/Model.h"
#include "test/unit/frontends/Families.h"
#include "test/unit/frontends/GgufBytes.h"

using namespace lmopt;
using nlohmann::json;

static Result<LlamaConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8,
    "num_key_value_heads": 4})");
  config.merge_patch(json::parse(patch));
  return test::readAs<LlamaConfig>("phi3", config);
}

TEST(Phi3Config, WhatIsMissing) {
  Result<LlamaConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->fused);
  EXPECT_EQ(config->maxPositions, 4096);
  EXPECT_EQ(config->normEps, 1e-5);
  EXPECT_EQ(config->ropeDims, 8);
  EXPECT_FALSE(config->ropeScaling);
  EXPECT_FALSE(config->queryBias);
  EXPECT_FALSE(config->tiedHead);
}

TEST(Phi3Config, RotatedPart) {
  EXPECT_EQ(parse(R"({"partial_rotary_factor": 0.75})")->ropeDims, 6);
  Result<LlamaConfig> inside = parse(R"({"partial_rotary_factor": 0.5, "rope_parameters": {"rope_type": "default",
    "partial_rotary_factor": 0.75}})");
  ASSERT_TRUE(inside) << inside.error().message;
  EXPECT_EQ(inside->ropeDims, 6);
  EXPECT_EQ(parse(R"({"partial_rotary_factor": 0.4})").error().code, 3); // 3 numbers
  EXPECT_EQ(parse(R"({"partial_rotary_factor": 2})").error().code, 3);
}

TEST(Phi3Config, LongRope) {
  const char *scaling = R"({"partial_rotary_factor": 0.5, "max_position_embeddings": 8192, "rope_scaling":
    {"type": "su", "short_factor": [1, 1], "long_factor": [2, 3], "original_max_position_embeddings": 77}})";
  Result<LlamaConfig> config = parse(scaling);
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_TRUE(config->ropeScaling);
  EXPECT_EQ(config->ropeScaling->kind, RopeScaling::Kind::LongRope);
  EXPECT_EQ(config->ropeScaling->longFactors, (std::vector<double>{2, 3}));
  EXPECT_EQ(config->ropeScaling->originalPositions, 4096); // not 77: what stands outside counts, also when missing
  EXPECT_EQ(config->ropeScaling->factor, 2);
  json outside = json::parse(scaling);
  outside["original_max_position_embeddings"] = 2048;
  EXPECT_EQ(parse(outside.dump().c_str())->ropeScaling->originalPositions, 2048);
}

TEST(Phi3Config, Windows) {
  Result<LlamaConfig> config = parse(R"({"sliding_window": 2047})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->window, 2047);
  for (const LlamaLayer &layer : config->layers)
    EXPECT_TRUE(layer.slides);
  EXPECT_EQ(parse(R"({"sliding_window": 262144})")->window, 0); // longer than any sequence
  EXPECT_EQ(parse("{}")->window, 0);
}

TEST(Phi3Config, Refuses) {
  Result<LlamaConfig> other = parse(R"({"rope_scaling": {"type": "yarn", "factor": 2}})");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message, "c.json: field 'rope_scaling.rope_type': 'yarn' is not supported; supported are "
                                   "default, longrope");
  EXPECT_EQ(parse(R"({"rope_scaling": {"type": "longrope", "short_factor": [1], "long_factor": [1]}})").error().code,
            3);
  EXPECT_EQ(parse(R"({"attention_bias": true})").error().code, 4);
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
}

static Result<GgufModel> readGguf(std::string &bytes, float factor) {
  test::GgufBytes file(1, 8);
  file.keyString("general.architecture", "phi3");
  for (auto [key, value] : {std::pair("phi3.block_count", 2u), std::pair("phi3.context_length", 64u),
                            std::pair("phi3.embedding_length", 8u), std::pair("phi3.feed_forward_length", 6u),
                            std::pair("phi3.attention.head_count", 2u)})
    file.keyU32(key, value);
  file.keyF32("phi3.attention.layer_norm_rms_epsilon", 0.5f);
  file.keyF32("phi3.rope.scaling.attn_factor", factor);
  file.tensor("token_embd.weight", {8, 3}, 0, 0);
  bytes = file.finish(256);
  Result<GgufFile> parsed = GgufFile::parse(bytes, "t.gguf");
  return parsed ? GgufModel::read(*parsed) : Result<GgufModel>(parsed.error());
}

TEST(Phi3Config, Gguf) {
  std::string bytes;
  Result<GgufModel> model = readGguf(bytes, 1);
  ASSERT_TRUE(model) << model.error().message;
  const auto &config = static_cast<const LlamaConfig &>(*model->config);
  EXPECT_TRUE(config.fused);
  EXPECT_FALSE(config.ropeInterleaved);
  EXPECT_FALSE(config.ropeScaling);
  EXPECT_EQ(model->tensorName("layers.0.ffn.gate_up.weight"), "blk.0.ffn_up.weight");
  Result<GgufModel> alone = readGguf(bytes, 1.25f);
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().message,
            "t.gguf: metadata key 'phi3.rope.scaling.attn_factor': is supported with tensors of factors only");
}
