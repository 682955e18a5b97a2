// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights in codes of GPTQ, AWQ and compressed-tensors: what settings and tensors say, what counts as nothing, what is
// refused and with which words. Numbers are test/unit/dialects/PackedTest.cpp's and the fixtures'.
#include "frontends/huggingface/Quantization.h"
#include "frontends/huggingface/PackedWeights.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include <gtest/gtest.h>

using namespace lmopt;
using nlohmann::json;
using test::TemporaryFolder;

//===- Settings --------------------------------------------------------------------------------------------------===//

static void expectRefused(const json &settings, int code, const std::string &words) {
  Warnings warnings;
  Result<PackedMethod> method = parseQuantization(settings, "c.json: field 'quantization_config'", warnings);
  ASSERT_FALSE(method) << settings;
  EXPECT_EQ(method.error().code, code) << method.error().message;
  EXPECT_NE(method.error().message.find(words), std::string::npos) << method.error().message;
}

TEST(Quantization, Methods) {
  Warnings warnings;
  auto method = [&](const char *text) { return parseQuantization(json::parse(text), "c", warnings).take(); };
  EXPECT_EQ(method(R"({"quant_method": "gptq"})"), PackedMethod::Gptq);
  EXPECT_EQ(method(R"({"quant_method": "gptq", "checkpoint_format": "gptq_v2"})"), PackedMethod::GptqV2);
  EXPECT_EQ(method(R"({"quant_method": "awq", "version": "gemm"})"), PackedMethod::Awq);
  EXPECT_EQ(method(R"({"quant_method": "compressed-tensors"})"), PackedMethod::Compressed);
  EXPECT_EQ(method(R"({"bits": 4, "desc_act": false})"), PackedMethod::Gptq); // quantize_config.json
  EXPECT_EQ(method(R"({"w_bit": 4, "version": "GEMM"})"), PackedMethod::Awq); // quant_config.json
}

TEST(Quantization, RefusesWhatChangesResults) {
  expectRefused({{"quant_method", "bitsandbytes"}}, kErrorUnsupported, "quantized by 'bitsandbytes', which lmopt does");
  expectRefused({{"quant_method", 4}}, kErrorMalformed, "'quant_method': expected a text");
  expectRefused({{"quant_method", "gptq"}, {"checkpoint_format", "marlin"}}, kErrorUnsupported,
                "'marlin' is not supported; supported are gptq, gptq_v2");
  expectRefused({{"quant_method", "awq"}, {"version", "gemv"}}, kErrorUnsupported, "'version'");
  expectRefused({{"quant_method", "awq"}, {"unheard_of", 1}}, kErrorUnsupported, "'unheard_of'");
  json compressed = {{"quant_method", "compressed-tensors"}, {"kv_cache_scheme", {{"num_bits", 8}}}};
  expectRefused(compressed, kErrorUnsupported, "'kv_cache_scheme'");
  json constants = {{"quant_method", "compressed-tensors"},
                    {"config_groups", {{"group_0", {{"input_activations", {{"dynamic", false}}}}}}}};
  expectRefused(constants, kErrorUnsupported, "config_groups, 'group_0': field 'input_activations.dynamic'");
  expectRefused({{"quant_method", "compressed-tensors"}, {"config_groups", 1}}, kErrorMalformed, "'config_groups'");
}

TEST(Quantization, OldToolsWroteAFileOfItsOwn) {
  TemporaryFolder folder;
  Warnings warnings;
  std::string path = folder / "config.json";
  EXPECT_FALSE(readQuantization(json::object(), path, warnings).take());
  folder.write("quant_config.json", R"({"zero_point": true, "q_group_size": 128, "w_bit": 4, "version": "GEMM"})");
  EXPECT_EQ(readQuantization(json::object(), path, warnings).take(), PackedMethod::Awq);
  json own = {{"quantization_config", {{"quant_method", "gptq"}}}};
  EXPECT_EQ(readQuantization(own, path, warnings).take(), PackedMethod::Gptq); // config.json counts
  folder.write("quantize_config.json", "{");
  EXPECT_FALSE(readQuantization(json::object(), path, warnings));
}

//===- Tensors ---------------------------------------------------------------------------------------------------===//

namespace {

struct Entry {
  std::string name, type;
  std::vector<int64_t> shape;
  std::string bytes; // empty: zeros
};

class PackedWeightsTest : public ::testing::Test {
protected:
  PackedWeights open(PackedMethod method, const std::vector<Entry> &entries) {
    std::vector<SafetensorsWriter::Tensor> list;
    for (const Entry &entry : entries)
      list.push_back({entry.name, safetensorsType(entry.type)->name, entry.shape});
    Result<SafetensorsWriter> writer = SafetensorsWriter::create(folder / "model.safetensors", list);
    for (const Entry &entry : entries) {
      uint64_t size = safetensorsType(entry.type)->bytes;
      for (int64_t count : entry.shape)
        size *= static_cast<uint64_t>(count);
      std::string bytes = entry.bytes.empty() ? std::string(size, '\0') : entry.bytes;
      EXPECT_TRUE(writer->append(bytes.data(), bytes.size()));
    }
    EXPECT_TRUE(writer->finish());
    checkpoint.emplace(Checkpoint::open(folder.path()).take());
    return PackedWeights(*checkpoint, method);
  }
  void expectRefused(PackedMethod method, const std::vector<Entry> &entries, int code, const std::string &words) {
    Result<std::optional<PackedMatrix>> found = open(method, entries).find("x", 8, 16);
    ASSERT_FALSE(found) << words;
    EXPECT_EQ(found.error().code, code) << found.error().message;
    EXPECT_NE(found.error().message.find(words), std::string::npos) << found.error().message;
  }

private:
  TemporaryFolder folder;
  std::optional<Checkpoint> checkpoint;
};

std::string integers(const std::vector<int32_t> &numbers) {
  return std::string(reinterpret_cast<const char *>(numbers.data()), numbers.size() * 4);
}

/// 8 outputs, 16 inputs in two groups, 4 bits; all zero points 7 + 1.
std::vector<Entry> gptq() {
  std::vector<int32_t> order(16);
  for (int k = 0; k < 16; ++k)
    order[static_cast<size_t>(k)] = k / 8;
  return {{"x.bias", "F16", {8}, ""},
          {"x.g_idx", "I32", {16}, integers(order)},
          {"x.qweight", "I32", {2, 8}, ""},
          {"x.qzeros", "I32", {2, 1}, std::string(8, '\x77')},
          {"x.scales", "F16", {2, 8}, ""}};
}

TEST_F(PackedWeightsTest, ShapesSayBitsAndGroups) {
  PackedWeights weights = open(PackedMethod::Gptq, gptq());
  Result<std::optional<PackedMatrix>> found = weights.find("x", 8, 16);
  ASSERT_TRUE(found && *found) << (found ? "" : found.error().message);
  EXPECT_EQ((*found)->bits, 4);
  EXPECT_EQ((*found)->group, 8);
  EXPECT_FALSE((*found)->zeros); // in the middle
  EXPECT_FALSE((*found)->order); // as usual
  for (const char *name : {"x.bias", "x.g_idx", "x.qweight", "x.qzeros", "x.scales"})
    EXPECT_TRUE(weights.mayRemain(name)) << name;
  EXPECT_FALSE(weights.find("y", 8, 16).take());
}

TEST_F(PackedWeightsTest, WhatSaysSomethingStays) {
  std::vector<Entry> entries = gptq();
  entries[0].bytes = std::string(16, '\x01');
  entries[1].bytes = integers({1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1});
  PackedWeights weights = open(PackedMethod::GptqV2, entries); // zero points 7
  Result<std::optional<PackedMatrix>> found = weights.find("x", 8, 16);
  ASSERT_TRUE(found && *found);
  EXPECT_TRUE((*found)->zeros);
  EXPECT_TRUE((*found)->order);
  EXPECT_FALSE(weights.mayRemain("x.bias")) << "a bias that is not zero changes results";
}

TEST_F(PackedWeightsTest, RefusesOtherShapes) {
  std::vector<Entry> entries = gptq();
  entries[2].shape = {5, 8};
  expectRefused(PackedMethod::Gptq, entries, kErrorUnsupported,
                "tensor 'x.qweight': expected words (I32) of a matrix 8x16 in 2, 3, 4 or 8 bits, found I32 5x8");
  entries = gptq();
  entries[4].shape = {3, 8};
  expectRefused(
      PackedMethod::Gptq, entries, kErrorMalformed,
      "tensor 'x.scales': expected a scale for each group of each of 8 outputs, in groups that divide 16 inputs, "
      "found 3x8");
  entries = gptq();
  entries[1].shape = {8}, entries[1].bytes = "";
  expectRefused(PackedMethod::Gptq, entries, kErrorMalformed,
                "'x.g_idx': the configuration asks for I32 16, found I32 8");
  entries = gptq();
  entries.erase(entries.begin() + 3);
  expectRefused(PackedMethod::Gptq, entries, kErrorMalformed, "the tensor 'x.qzeros', which belongs to the codes");
}

TEST_F(PackedWeightsTest, CompressedTensors) {
  std::vector<Entry> entries = {{"x.weight_packed", "I32", {8, 2}, ""},
                                {"x.weight_scale", "BF16", {8, 1}, ""},
                                {"x.weight_shape", "I64", {2}, integers({8, 0, 16, 0})},
                                {"y.weight", "I8", {8, 16}, ""},
                                {"y.weight_scale", "F32", {1}, ""}};
  PackedWeights weights = open(PackedMethod::Compressed, entries);
  std::optional<PackedMatrix> words = weights.find("x", 8, 16).take(), bytes = weights.find("y", 8, 16).take();
  ASSERT_TRUE(words && bytes);
  EXPECT_EQ(words->bits, 4);
  EXPECT_EQ(words->group, 16);
  EXPECT_EQ(bytes->layout, CodeLayout::Bytes);
  EXPECT_EQ(bytes->group, 16);
  entries[2].bytes = integers({8, 0, 15, 0});
  expectRefused(PackedMethod::Compressed, entries, kErrorMalformed,
                "'x.weight_shape': the configuration asks for 8x16");
  entries[2] = {"x.weight_g_idx", "I32", {16}, std::string(64, '\x01')};
  expectRefused(PackedMethod::Compressed, entries, kErrorUnsupported,
                "'x.weight_g_idx': groups of inputs in another order");
}

TEST_F(PackedWeightsTest, SomeModuleMustHaveCodes) {
  PackedWeights weights = open(PackedMethod::Awq, {{"x.weight", "F16", {8, 16}, ""}});
  EXPECT_FALSE(weights.find("x", 8, 16).take());
  Result<void> any = weights.checkAnyFound();
  ASSERT_FALSE(any);
  EXPECT_NE(any.error().message.find("no linear has any (tensors that end in .qweight)"), std::string::npos);
}

} // namespace
