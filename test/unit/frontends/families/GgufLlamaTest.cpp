// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Metadata of GGUF files of architecture llama.
#include "frontends/families/llama/LlamaConfig.h"
#include "frontends/gguf/Model.h"
#include "test/unit/frontends/Families.h"
#include "test/unit/frontends/GgufBytes.h"

#include <cmath>

using namespace lmopt;
using test::GgufBytes;

/// Keys of a small model, without those in `without`, and what `extend` adds.
template <class Extend>
static Result<LlamaConfig> read(uint64_t extraKeys, Extend extend, const std::string &without = "",
                                uint64_t extraTensors = 0, size_t dataSize = 256) {
  const std::pair<const char *, uint32_t> numbers[] = {{"llama.block_count", 2},
                                                       {"llama.context_length", 64},
                                                       {"llama.embedding_length", 8},
                                                       {"llama.feed_forward_length", 6},
                                                       {"llama.attention.head_count", 2}};
  GgufBytes file(1 + extraTensors, 7 - (without.empty() ? 0 : 1) + extraKeys);
  if (without != "general.architecture")
    file.keyString("general.architecture", "llama");
  for (auto [key, value] : numbers)
    if (without != key)
      file.keyU32(key, value);
  if (without != "llama.attention.layer_norm_rms_epsilon")
    file.keyF32("llama.attention.layer_norm_rms_epsilon", 0.5f);
  extend(file);
  if (!extraTensors)
    file.tensor("token_embd.weight", {8, 3}, 0, 0);
  return test::readGgufAs<LlamaConfig>(file.finish(dataSize));
}
static Result<LlamaConfig> readPlain(const std::string &without = "") {
  return read(0, [](GgufBytes &) {}, without);
}

static void expectError(const Result<LlamaConfig> &config, int code, const std::string &message) {
  ASSERT_FALSE(config) << message;
  EXPECT_EQ(config.error().code, code) << config.error().message;
  EXPECT_EQ(config.error().message, message);
}

TEST(GgufLlama, Defaults) {
  Result<LlamaConfig> config = readPlain();
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->layers.size(), 2u);
  EXPECT_EQ(config->layers[1].heads, 2);
  EXPECT_EQ(config->layers[1].kvHeads, 2);
  EXPECT_EQ(config->layers[1].ffnWidth, 6);
  EXPECT_EQ(config->vocabulary, 3);
  EXPECT_EQ(config->headSize, 4);
  EXPECT_EQ(config->ropeDims, 4);
  EXPECT_EQ(config->ropeBase, 10000);
  EXPECT_EQ(config->normEps, 0.5);
  EXPECT_TRUE(config->ropeInterleaved);
  EXPECT_TRUE(config->tiedHead);
  EXPECT_FALSE(config->ropeScaling);
}

TEST(GgufLlama, MissingKeysAreNamed) {
  expectError(readPlain("general.architecture"), 3, "t.gguf: the metadata key 'general.architecture' is missing");
  expectError(readPlain("llama.block_count"), 3,
              "t.gguf: metadata key 'llama.block_count': is missing; expected an integer");
  expectError(readPlain("llama.attention.layer_norm_rms_epsilon"), 3,
              "t.gguf: metadata key 'llama.attention.layer_norm_rms_epsilon': is missing; expected a number");
  expectError(readPlain("llama.attention.head_count"), 3,
              "t.gguf: metadata key 'llama.attention.head_count': is missing; expected an integer");
}

TEST(GgufLlama, LayersMayDiffer) {
  Result<LlamaConfig> config = read(1, [](GgufBytes &file) {
    file.key("llama.attention.head_count_kv", 9).u32("", 4).u64("", 2).u32("", 1).u32("", 2);
  });
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->layers[0].kvHeads, 1);
  EXPECT_EQ(config->layers[1].kvHeads, 2);
  expectError(
      read(1,
           [](GgufBytes &file) {
             file.key("llama.attention.head_count_kv", 9).u32("", 4).u64("", 3).u32("", 1).u32("", 2).u32("", 1);
           }),
      3,
      "t.gguf: metadata key 'llama.attention.head_count_kv': expected one integer from 1 to 16384 for each of "
      "the 2 layers, found an array of 3");
}

TEST(GgufLlama, UnknownThingsAreRefused) {
  expectError(
      read(1, [](GgufBytes &file) { file.keyU32("llama.mystery", 1); }), 4,
      "t.gguf: metadata key 'llama.mystery': not supported, found '1': not known, and it may change what the model "
      "computes");
  expectError(read(1, [](GgufBytes &file) { file.keyU32("llama.expert_group_count", 8); }), 4,
              "t.gguf: metadata key 'llama.expert_group_count': only 0 is supported, found '8': mixtures of experts");
  EXPECT_TRUE(read(1, [](GgufBytes &file) { file.keyU32("llama.expert_group_count", 0); }));
  expectError(
      read(
          1, [](GgufBytes &file) { file.keyString("general.architecture", "mamba"); }, "general.architecture"),
      4,
      "t.gguf: architecture 'mamba' is not supported; supported are bloom, gemma, gemma2, gemma3, gpt2, gptneox, "
      "granite, llama, olmo2, olmoe, phi3, qwen2, qwen3, qwen3moe, smollm3");
  expectError(read(1, [](GgufBytes &file) { file.keyU32("split.count", 3); }), 4,
              "t.gguf: the model is split into 3 files, which is not supported; merge them with llama-gguf-split "
              "--merge");
  expectError(read(1, [](GgufBytes &file) { file.keyString("llama.rope.scaling.type", "spiral"); }), 4,
              "t.gguf: metadata key 'llama.rope.scaling.type': 'spiral' is not supported; supported are none, linear, "
              "yarn");
  expectError(
      read(2,
           [](GgufBytes &file) {
             file.keyU32("llama.attention.key_length", 4).keyU32("llama.attention.value_length", 6);
           }),
      4, "t.gguf: metadata key 'llama.attention.value_length': values of another size than keys are not supported");
}

/// Every key with a rule of its own: harmless ones may say anything, the others only what they may.
TEST(GgufLlama, KeysAgainstTheTable) {
  for (const FieldRule &rule : test::family("llama").gguf->keys) {
    std::string key = rule.name;
    bool isPattern = key.back() == '*';
    if (isPattern)
      key.back() = 'z';
    auto withKey = [&](double value) { return read(1, [&](GgufBytes &file) { file.keyF32(key, value); }); };
    if (rule.use == FieldUse::Harmless || rule.use == FieldUse::Told)
      EXPECT_TRUE(withKey(77)) << key;
    if (rule.use != FieldUse::Only || key == "general.type")
      continue;
    Result<LlamaConfig> refused = withKey(77);
    ASSERT_FALSE(refused) << key;
    EXPECT_EQ(refused.error().code, 4) << refused.error().message;
    EXPECT_NE(refused.error().message.find("'" + key + "'"), std::string::npos) << refused.error().message;
    for (const nlohmann::json &value : nlohmann::json::parse(rule.accepted))
      if (value.is_number() && value < 1e6) // what a float can hold
        EXPECT_TRUE(withKey(value.get<double>())) << key << value;
  }
}

TEST(GgufLlama, OtherKindsOfFilesAreNamed) {
  auto withType = [](const char *type) {
    return read(1, [&](GgufBytes &file) { file.keyString("general.type", type); }, "general.architecture");
  };
  EXPECT_EQ(withType("adapter").error().code, 4);
  EXPECT_NE(withType("mmproj").error().message.find("give lmopt the model"), std::string::npos);
  EXPECT_TRUE(read(
      2, [](GgufBytes &file) { file.keyString("general.type", "model").keyBool("llama.attention.causal", true); }));
  EXPECT_EQ(read(1, [](GgufBytes &file) { file.keyBool("llama.attention.causal", false); }).error().code, 4);
  EXPECT_EQ(read(1, [](GgufBytes &file) { file.keyString("adapter.type", "lora"); }).error().code, 4);
}

TEST(GgufLlama, KeysThatDependOnTheSizes) {
  EXPECT_TRUE(read(1, [](GgufBytes &file) { file.keyU32("llama.pooling_type", 4294967295u); })); // not set
  EXPECT_TRUE(read(1, [](GgufBytes &file) { file.keyU32("llama.attention.sliding_window", 100000); }));
  EXPECT_EQ(read(1, [](GgufBytes &file) { file.keyU32("llama.attention.sliding_window", 8); }).error().code, 4);
  EXPECT_TRUE(read(1, [](GgufBytes &file) { file.keyF32("llama.attention.scale", 0.5f); })); // 1 / sqrt(4)
  EXPECT_EQ(read(1, [](GgufBytes &file) { file.keyF32("llama.attention.scale", 0.25f); }).error().code, 4);
  EXPECT_TRUE(read(1, [](GgufBytes &file) { file.keyU32("llama.embedding_length_out", 8); }));
  EXPECT_EQ(read(1, [](GgufBytes &file) { file.keyU32("llama.embedding_length_out", 16); }).error().code, 4);
  EXPECT_TRUE(read(1, [](GgufBytes &file) { file.keyF32("llama.rope.scaling.attn_factor", 1); }));
  EXPECT_EQ(read(1, [](GgufBytes &file) { file.keyF32("llama.rope.scaling.attn_factor", 2); }).error().code, 4);
  Result<LlamaConfig> yarn = read(3, [](GgufBytes &file) {
    file.keyString("llama.rope.scaling.type", "yarn")
        .keyF32("llama.rope.scaling.factor", 2)
        .keyF32("llama.rope.scaling.attn_factor", 3);
  });
  ASSERT_TRUE(yarn) << yarn.error().message;
  EXPECT_NEAR(*yarn->ropeScaling->attentionFactor, 3 * (0.1 * std::log(2.0) + 1), 1e-6);
}

TEST(GgufLlama, RecommendedPenaltyIsTold) {
  Result<LlamaConfig> config = read(1, [](GgufBytes &file) { file.keyF32("general.sampling.penalty_repeat", 1.5f); });
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->warnings.size(), 1u);
  EXPECT_NE(config->warnings[0].find("'general.sampling.penalty_repeat' is '1.5'"), std::string::npos);
}

TEST(GgufLlama, AHeadThatRepeatsTheTableIsTheTable) {
  auto tied = [](uint32_t type, uint64_t offset) { // the data repeat every 256 bytes
    Result<LlamaConfig> config = read(
        0,
        [&](GgufBytes &file) {
          file.tensor("token_embd.weight", {8, 3}, 0, 0).tensor("output.weight", {8, 3}, type, offset);
        },
        "", 1, 512);
    return config && config->tiedHead;
  };
  EXPECT_TRUE(tied(0, 256));
  EXPECT_FALSE(tied(0, 128));
  EXPECT_FALSE(tied(1, 256)); // in f16
}

TEST(GgufLlama, WrongValuesAreRefused) {
  expectError(read(1, [](GgufBytes &file) { file.keyU32("llama.attention.head_count_kv", 3); }), 3,
              "t.gguf: layer 0: 2 attention heads cannot share 3 key/value heads evenly");
  expectError(read(1, [](GgufBytes &file) { file.keyU32("llama.rope.dimension_count", 6); }), 3,
              "t.gguf: rotary positions turn 6 numbers of each head, expected an even number up to the head size 4");
  expectError(read(1, [](GgufBytes &file) { file.keyString("llama.rope.freq_base", "big"); }), 3,
              "t.gguf: metadata key 'llama.rope.freq_base': expected a number from 1.000000 to "
              "1000000000000000.000000, found string");
}

TEST(GgufLlama, Scalings) {
  Result<LlamaConfig> linear = read(2, [](GgufBytes &file) {
    file.keyString("llama.rope.scaling.type", "linear").keyF32("llama.rope.scaling.factor", 4);
  });
  ASSERT_TRUE(linear) << linear.error().message;
  EXPECT_EQ(linear->ropeScaling->kind, RopeScaling::Kind::Linear);
  EXPECT_EQ(linear->ropeScaling->factor, 4);

  Result<LlamaConfig> yarn = read(3, [](GgufBytes &file) {
    file.keyString("llama.rope.scaling.type", "yarn")
        .keyF32("llama.rope.scaling.factor", 2)
        .keyU32("llama.rope.scaling.original_context_length", 32);
  });
  ASSERT_TRUE(yarn) << yarn.error().message;
  EXPECT_EQ(yarn->ropeScaling->kind, RopeScaling::Kind::Yarn);
  EXPECT_EQ(yarn->ropeScaling->originalPositions, 32);
  EXPECT_FALSE(yarn->ropeScaling->attentionFactor);

  Result<LlamaConfig> none = read(2, [](GgufBytes &file) {
    file.keyString("llama.rope.scaling.type", "none").keyF32("llama.rope.scaling.factor", 0);
  });
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_FALSE(none->ropeScaling);
}

TEST(GgufLlama, FrequencyFactorsBecomeLongrope) {
  Result<LlamaConfig> config = read(
      0,
      [](GgufBytes &file) { file.tensor("rope_freqs.weight", {2}, 1, 0).tensor("token_embd.weight", {8, 3}, 0, 32); },
      "", 1);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ropeScaling->kind, RopeScaling::Kind::LongRope);
  EXPECT_EQ(config->ropeScaling->shortFactors.size(), 2u);
  EXPECT_EQ(config->ropeScaling->shortFactors, config->ropeScaling->longFactors);
  EXPECT_EQ(config->ropeScaling->attentionFactor, 1.0);
  expectError(read(
                  0,
                  [](GgufBytes &file) {
                    file.tensor("rope_freqs.weight", {3}, 0, 0).tensor("token_embd.weight", {8, 3}, 0, 32);
                  },
                  "", 1),
              3, "t.gguf: tensor 'rope_freqs.weight': expected 2 numbers");
}

TEST(GgufLlama, TensorNames) {
  auto ggufLlamaTensorName = [](const char *name) { return test::family("llama").gguf->tensors.translate(name); };
  EXPECT_EQ(ggufLlamaTensorName("embed.weight"), "token_embd.weight");
  EXPECT_EQ(ggufLlamaTensorName("final_norm.weight"), "output_norm.weight");
  EXPECT_EQ(ggufLlamaTensorName("head.weight"), "output.weight");
  EXPECT_EQ(ggufLlamaTensorName("layers.12.attn.o.bias"), "blk.12.attn_output.bias");
  EXPECT_EQ(ggufLlamaTensorName("layers.0.attn_norm.weight"), "blk.0.attn_norm.weight");
  EXPECT_EQ(ggufLlamaTensorName("layers.0.ffn.down.weight"), "blk.0.ffn_down.weight");
}
