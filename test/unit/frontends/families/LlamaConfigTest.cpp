// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the Llama family: defaults, every RoPE scaling, and what is refused.
#include "frontends/families/llama/LlamaConfig.h"
#include "test/unit/frontends/Families.h"

#include <cmath>

using namespace lmopt;
using nlohmann::json;

static json smallConfig() {
  return json::parse(R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8,
    "num_key_value_heads": 2, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "torch_dtype": "bfloat16",
    "bos_token_id": 1, "eos_token_id": [2, 3], "use_cache": true, "pruned_heads": {}})");
}

static Result<LlamaConfig> parse(const char *patch) {
  json config = smallConfig();
  config.merge_patch(json::parse(patch));
  return test::readAs<LlamaConfig>("llama", config);
}

static void expectError(const char *patch, int code, const std::string &message) {
  Result<LlamaConfig> config = parse(patch);
  ASSERT_FALSE(config) << patch;
  EXPECT_EQ(config.error().code, code) << config.error().message;
  EXPECT_EQ(config.error().message, "c.json: " + message);
}

TEST(LlamaConfig, Sizes) {
  Result<LlamaConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->vocabulary, 100);
  EXPECT_EQ(config->width, 64);
  EXPECT_EQ(config->layers.size(), 3u);
  EXPECT_EQ(config->layers[2].heads, 8);
  EXPECT_EQ(config->layers[2].kvHeads, 2);
  EXPECT_EQ(config->layers[2].ffnWidth, 96);
  EXPECT_EQ(config->headSize, 8);
  EXPECT_EQ(config->ropeDims, 8);
  EXPECT_EQ(config->ropeBase, 10000);
  EXPECT_EQ(config->normEps, 1e-5);
  EXPECT_EQ(config->maxPositions, 512);
  EXPECT_FALSE(config->tiedHead);
  EXPECT_FALSE(config->ropeInterleaved);
  EXPECT_FALSE(config->queryBias);
  EXPECT_FALSE(config->outputBias);
  EXPECT_EQ(config->activation, Activation::Silu);
}

TEST(LlamaConfig, Options) {
  Result<LlamaConfig> config = parse(R"({"head_dim": 16, "tie_word_embeddings": true, "attention_bias": true,
      "mlp_bias": true, "rope_theta": 500000.0, "num_key_value_heads": null, "hidden_act": "gelu_pytorch_tanh"})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->headSize, 16);
  EXPECT_EQ(config->layers[0].kvHeads, 8);
  EXPECT_TRUE(config->tiedHead);
  EXPECT_TRUE(config->queryBias);
  EXPECT_TRUE(config->outputBias);
  EXPECT_TRUE(config->ffnBias);
  EXPECT_EQ(config->ropeBase, 500000);
  EXPECT_EQ(config->activation, Activation::GeluTanh);
}

TEST(LlamaConfig, ScalingsInBothSpellings) {
  for (const char *spelling :
       {R"({"rope_scaling": {"type": "linear", "factor": 4.0}})",
        R"({"rope_scaling": {"rope_type": "linear", "factor": 4}})",
        R"({"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 20000.0}})"}) {
    Result<LlamaConfig> config = parse(spelling);
    ASSERT_TRUE(config) << config.error().message;
    ASSERT_TRUE(config->ropeScaling) << spelling;
    EXPECT_EQ(config->ropeScaling->kind, RopeScaling::Kind::Linear);
    EXPECT_EQ(config->ropeScaling->factor, 4);
  }
  EXPECT_EQ(parse(R"({"rope_parameters": {"rope_type": "default", "rope_theta": 20000.0}})")->ropeBase, 20000);
  EXPECT_FALSE(parse(R"({"rope_parameters": {"rope_type": "default", "rope_theta": 20000.0}})")->ropeScaling);
}

TEST(LlamaConfig, Llama3Scaling) {
  Result<LlamaConfig> config = parse(R"({"rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
      "high_freq_factor": 4.0, "original_max_position_embeddings": 256}})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ropeScaling->kind, RopeScaling::Kind::Llama3);
  EXPECT_EQ(config->ropeScaling->originalPositions, 256);
  EXPECT_EQ(config->ropeScaling->highFrequency, 4);
}

TEST(LlamaConfig, YarnScaling) {
  Result<LlamaConfig> plain = parse(R"({"rope_scaling": {"type": "yarn", "factor": 4.0}})");
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->ropeScaling->originalPositions, 512);
  EXPECT_FALSE(plain->ropeScaling->attentionFactor);
  Result<LlamaConfig> full = parse(R"({"rope_scaling": {"type": "yarn", "factor": 4.0, "mscale": 1.0,
      "mscale_all_dim": 0.5, "beta_fast": 16, "beta_slow": 2, "original_max_position_embeddings": 128}})");
  ASSERT_TRUE(full) << full.error().message;
  EXPECT_EQ(full->ropeScaling->betaFast, 16);
  EXPECT_EQ(full->ropeScaling->betaSlow, 2);
  EXPECT_NEAR(*full->ropeScaling->attentionFactor, (0.1 * std::log(4.0) + 1) / (0.05 * std::log(4.0) + 1), 1e-15);
}

TEST(LlamaConfig, LongropeScaling) {
  // Phi3's way: the original length stands beside the object, the factor follows from the lengths.
  Result<LlamaConfig> config = parse(R"({"original_max_position_embeddings": 128, "rope_scaling": {"type": "su",
      "short_factor": [1, 1, 1, 1.5], "long_factor": [1, 2, 3, 4]}})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ropeScaling->kind, RopeScaling::Kind::LongRope);
  EXPECT_EQ(config->ropeScaling->originalPositions, 128);
  EXPECT_EQ(config->ropeScaling->factor, 4);
  EXPECT_EQ(config->ropeScaling->longFactors, (std::vector<double>{1, 2, 3, 4}));
  expectError(R"({"rope_scaling": {"type": "longrope", "factor": 2, "short_factor": [1], "long_factor": [1]}})", 3,
              "the rope scaling has 1 factors, expected 4 (half the rotated size of a head)");
  expectError(R"({"rope_scaling": {"type": "longrope", "short_factor": [1,1,1,0], "long_factor": [1,1,1,1]}})", 3,
              "the rope scaling has a factor that is not positive");
}

TEST(LlamaConfig, DynamicScalingStartsAtTheModelsLength) {
  Result<LlamaConfig> config = parse(R"({"rope_scaling": {"type": "dynamic", "factor": 2.0}})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ropeScaling->kind, RopeScaling::Kind::Dynamic);
  EXPECT_EQ(config->ropeScaling->originalPositions, 512);
}

TEST(LlamaConfig, RefusesUnknownFields) {
  EXPECT_TRUE(parse(R"({"sliding_window": 4096})")); // longer than any sequence
  expectError(
      R"({"a_field": 1, "b_field": 2})", 4,
      "field 'a_field' (and 1 more): not known, and it may change what the model computes; remove it if it does "
      "not (docs/checkpoints.md lists the known ones)");
  expectError(
      R"({"quantization_config": {"bits": 4, "quant_method": "hqq"}, "a_field": 1})", 4,
      "field 'quantization_config': the weights are quantized by 'hqq' (4 bits), which lmopt does not read; it reads "
      "gptq, awq and compressed-tensors of integers. Give it the checkpoint in F32, F16 or BF16 and choose --recipe "
      "int8 "
      "or int4, or a GGUF file with --recipe native");
  expectError(R"({"quantization_config": []})", 4,
              "field 'quantization_config': the weights are quantized by an unnamed method, which lmopt does not read; "
              "it reads "
              "gptq, awq and compressed-tensors of integers. Give it the checkpoint in F32, F16 or BF16 and choose "
              "--recipe int8 "
              "or int4, or a GGUF file with --recipe native");
  expectError(R"({"rope_scaling": {"type": "linear", "factor": 2, "twist": 1}})", 4,
              "field 'rope_scaling.twist': not known, and it may change what the model computes; remove it if it does "
              "not (docs/checkpoints.md lists the known ones)");
  expectError(R"({"rope_scaling": {"type": "spiral", "factor": 2}})", 4,
              "field 'rope_scaling.rope_type': 'spiral' is not supported; supported are default, linear, dynamic, "
              "yarn, llama3, longrope");
  expectError(R"({"hidden_act": "mish"})", 4,
              "field 'hidden_act': 'mish' is not supported; supported are gelu, gelu_python, gelu_new, "
              "gelu_pytorch_tanh, gelu_fast, gelu_accurate, silu, swish, relu");
  expectError(
      R"({"pruned_heads": {"0": [1]}})", 4,
      "field 'pruned_heads': only {} is supported, found '{\"0\":[1]}': heads that are left out when the model is "
      "loaded; save it without them");
  expectError(
      R"({"partial_rotary_factor": 0.5})", 4,
      "field 'partial_rotary_factor': only 1 is supported, found '0.5': rotary positions on a part of each head");
}

TEST(LlamaConfig, RefusesWrongValues) {
  expectError(R"({"vocab_size": null})", 3, "field 'vocab_size': is missing; expected an integer");
  expectError(R"({"vocab_size": 0})", 3, "field 'vocab_size': expected an integer from 1 to 16777216, found '0'");
  expectError(R"({"num_hidden_layers": 99999999999})", 3,
              "field 'num_hidden_layers': expected an integer from 1 to 4096, found '99999999999'");
  expectError(R"({"hidden_size": "64"})", 3,
              "field 'hidden_size': expected an integer from 1 to 1048576, found '\"64\"'");
  expectError(R"({"num_attention_heads": 7, "num_key_value_heads": 7})", 3,
              "field 'num_attention_heads': does not divide hidden_size, and there is no head_dim");
  expectError(R"({"num_key_value_heads": 3})", 3, "layer 0: 8 attention heads cannot share 3 key/value heads evenly");
  expectError(R"({"head_dim": 7})", 3,
              "rotary positions turn 7 numbers of each head, expected an even number up to the head size 7");
  expectError(R"({"rope_theta": 1})", 3, "the base of the rotary positions is 1.000000, expected more than 1");
  expectError(R"({"rope_scaling": {"type": "linear"}})", 3,
              "field 'rope_scaling.factor': is missing; expected a number");
  expectError(R"({"rope_scaling": {"type": "linear", "factor": 0.5}})", 3,
              "field 'rope_scaling.factor': expected a number from 1.0 to 1e+15, found '0.5'");
  expectError(R"({"rope_scaling": 5})", 3, "expected a JSON object in field 'rope_scaling', found number");
  expectError(R"({"rope_scaling": {"type": "yarn", "factor": 2, "beta_fast": 1, "beta_slow": 2}})", 3,
              "rope scaling: expected beta_fast > beta_slow > 0");
  expectError(R"({"tie_word_embeddings": 1})", 3, "field 'tie_word_embeddings': expected true or false, found '1'");
}

TEST(LlamaConfig, TensorNames) {
  auto llamaTensorName = [](const char *name) { return test::family("llama").huggingFace->tensors.translate(name); };
  EXPECT_EQ(llamaTensorName("embed.weight"), "model.embed_tokens.weight");
  EXPECT_EQ(llamaTensorName("final_norm.weight"), "model.norm.weight");
  EXPECT_EQ(llamaTensorName("head.weight"), "lm_head.weight");
  EXPECT_EQ(llamaTensorName("layers.3.attn.q.bias"), "model.layers.3.self_attn.q_proj.bias");
  EXPECT_EQ(llamaTensorName("layers.3.attn_norm.weight"), "model.layers.3.input_layernorm.weight");
  EXPECT_EQ(llamaTensorName("layers.11.ffn_norm.weight"), "model.layers.11.post_attention_layernorm.weight");
  EXPECT_EQ(llamaTensorName("layers.11.ffn.down.weight"), "model.layers.11.mlp.down_proj.weight");
}
