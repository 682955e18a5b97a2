// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Metadata of GGUF files of architecture llama.
#include "frontends/gguf/Llama.h"
#include "test/unit/frontends/GgufBytes.h"

#include <gtest/gtest.h>

using namespace lmopt;
using test::GgufBytes;

/// Keys of a small model, without those in `without`, and what `extend` adds.
template <class Extend>
static Result<LlamaConfig> read(uint64_t extraKeys, Extend extend, const std::string &without = "",
                                uint64_t extraTensors = 0) {
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
  std::string bytes = file.finish(256);
  Result<GgufFile> parsed = GgufFile::parse(bytes, "t.gguf");
  return parsed ? readLlamaConfig(*parsed) : Result<LlamaConfig>(parsed.error());
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
  expectError(read(1, [](GgufBytes &file) { file.keyU32("llama.mystery", 1); }), 4,
              "t.gguf: metadata key 'llama.mystery': not known, and it may change what the model computes");
  expectError(read(1, [](GgufBytes &file) { file.keyU32("llama.expert_count", 8); }), 4,
              "t.gguf: metadata key 'llama.expert_count': mixtures of experts are not supported");
  EXPECT_TRUE(read(1, [](GgufBytes &file) { file.keyU32("llama.expert_count", 0); }));
  expectError(read(
                  1, [](GgufBytes &file) { file.keyString("general.architecture", "mamba"); }, "general.architecture"),
              4, "t.gguf: architecture 'mamba' is not supported; supported is llama");
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
  EXPECT_EQ(ggufLlamaTensorName("embed.weight"), "token_embd.weight");
  EXPECT_EQ(ggufLlamaTensorName("final_norm.weight"), "output_norm.weight");
  EXPECT_EQ(ggufLlamaTensorName("head.weight"), "output.weight");
  EXPECT_EQ(ggufLlamaTensorName("layers.12.attn.o.bias"), "blk.12.attn_output.bias");
  EXPECT_EQ(ggufLlamaTensorName("layers.0.attn_norm.weight"), "blk.0.attn_norm.weight");
  EXPECT_EQ(ggufLlamaTensorName("layers.0.ffn.down.weight"), "blk.0.ffn_down.weight");
}
