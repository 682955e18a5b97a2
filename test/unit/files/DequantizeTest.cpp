// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The block decoders, bit for bit against the Python package gguf (fixtures/make_fixtures.py), and blocks taken apart.
#include "files/gguf/Dequantize.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

using namespace lmopt;

static const std::string kFixtures = std::string(LMOPT_SOURCE_DIR) + "/test/unit/files/fixtures/";

static std::vector<float> readFloats(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

TEST(Dequantize, AllTypesAsTheReferenceDoes) {
  Result<GgufFile> file = GgufFile::open(kFixtures + "types.gguf");
  ASSERT_TRUE(file) << file.error().message;
  std::vector<float> expected = readFloats(kFixtures + "types.expected.f32");
  ASSERT_EQ(expected.size(), 11u * 1024);
  size_t position = 0;
  for (const GgufTensor &tensor : file->tensors()) {
    std::vector<float> found(1024);
    ASSERT_TRUE(file->decodeRows(tensor, 0, 2, found.data()));
    EXPECT_EQ(std::memcmp(found.data(), expected.data() + position, 1024 * sizeof(float)), 0) << tensor.name;
    // Rows apart are the same rows.
    std::vector<float> row(512);
    ASSERT_TRUE(file->decodeRows(tensor, 1, 1, row.data()));
    EXPECT_EQ(std::memcmp(row.data(), found.data() + 512, 512 * sizeof(float)), 0) << tensor.name;
    position += 1024;
  }
}

// Codes, scales and minima apart are the numbers, bit for bit, in the order of operations of the decoders.
TEST(Dequantize, SplitBlocksAreTheDecodedNumbers) {
  Result<GgufFile> file = GgufFile::open(kFixtures + "types.gguf");
  ASSERT_TRUE(file) << file.error().message;
  for (const char *type : {"q4_0", "q4_1", "q8_0"}) {
    const GgufTensor *tensor = nullptr;
    for (const GgufTensor &candidate : file->tensors())
      if (candidate.type == ggufTypeInfo(type))
        tensor = &candidate;
    ASSERT_NE(tensor, nullptr) << type;
    const bool hasMin = std::string(type) == "q4_1";
    std::vector<int8_t> codes(1024);
    std::vector<float> decoded(1024), scales(32), minima(hasMin ? 32 : 0);
    ASSERT_TRUE(file->decodeRows(*tensor, 0, 2, decoded.data()));
    ASSERT_TRUE(file->readCodes(*tensor, codes.data(), scales.data(), minima.data()));
    for (size_t i = 0; i < 1024; ++i) {
      float number = scales[i / 32] * static_cast<float>(codes[i]);
      if (hasMin)
        number += minima[i / 32];
      EXPECT_EQ(std::memcmp(&number, &decoded[i], sizeof(float)), 0) << type << ' ' << i;
    }
  }
}

// Each field of a block where it belongs, with codes at both ends.
TEST(Dequantize, SplitBlocksByHand) {
  std::string nibbles(16, '\x80'); // 0 in the lower half, 8 in the upper one
  nibbles[0] = '\x0f', nibbles[15] = '\xf7';
  const std::string one("\x00\x3c", 2), minusTwo("\x00\xc0", 2);
  int8_t codes[32];
  float scale = 0, minimum = 7;
  splitBlocks(GgufType::Q4_0, (minusTwo + nibbles).data(), 1, codes, &scale, &minimum);
  EXPECT_EQ(scale, -2.0f);
  EXPECT_EQ(minimum, 7.0f) << "q4_0 has no minimum";
  EXPECT_EQ((std::vector<int>{codes[0], codes[1], codes[15], codes[16], codes[17], codes[31]}),
            (std::vector<int>{7, -8, -1, -8, 0, 7}));
  splitBlocks(GgufType::Q4_1, (one + minusTwo + nibbles).data(), 1, codes, &scale, &minimum);
  EXPECT_EQ(scale, 1.0f);
  EXPECT_EQ(minimum, -2.0f);
  EXPECT_EQ((std::vector<int>{codes[0], codes[1], codes[15], codes[16], codes[17], codes[31]}),
            (std::vector<int>{15, 0, 7, 0, 8, 15}));
  std::string bytes(32, '\x01');
  bytes[0] = '\x80', bytes[31] = '\x7f';
  splitBlocks(GgufType::Q8_0, (one + bytes).data(), 1, codes, &scale, nullptr);
  EXPECT_EQ(scale, 1.0f);
  EXPECT_EQ((std::vector<int>{codes[0], codes[1], codes[31]}), (std::vector<int>{-128, 1, 127}));
}

TEST(Dequantize, OtherTypesHaveNoCodesToKeep) {
  Result<GgufFile> file = GgufFile::open(kFixtures + "types.gguf");
  ASSERT_TRUE(file) << file.error().message;
  int refused = 0;
  for (const GgufTensor &tensor : file->tensors()) {
    int8_t codes[1024];
    float scales[32], minima[32];
    Result<void> result = file->readCodes(tensor, codes, scales, minima);
    if (result)
      continue;
    ++refused;
    EXPECT_NE(result.error().message.find(std::string(tensor.type->name) + ", whose codes cannot be kept"),
              std::string::npos)
        << result.error().message;
  }
  EXPECT_EQ(refused, static_cast<int>(file->tensors().size()) - 3);
}

TEST(Dequantize, EveryHalf) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    uint16_t half = static_cast<uint16_t>(bits);
    float found;
    decodeHalf(reinterpret_cast<const char *>(&half), 1, &found);
    int exponent = (half >> 10) & 31, fraction = half & 1023;
    double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    EXPECT_EQ(std::signbit(found), half >> 15 != 0) << bits;
    if (exponent < 31)
      EXPECT_EQ(std::fabs(found), magnitude) << bits;
    else if (fraction)
      EXPECT_TRUE(std::isnan(found)) << bits;
    else
      EXPECT_TRUE(std::isinf(found)) << bits;
  }
}

TEST(Dequantize, BfloatIsTheUpperHalfOfAFloat) {
  const uint16_t values[] = {0x3f80, 0xc000, 0x7f80, 0x0001};
  float found[4];
  decodeBfloat16(reinterpret_cast<const char *>(values), 4, found);
  EXPECT_EQ(found[0], 1.0f);
  EXPECT_EQ(found[1], -2.0f);
  EXPECT_TRUE(std::isinf(found[2]));
  EXPECT_EQ(found[3], std::ldexp(1.0f, -133));
}

TEST(Dequantize, TypesAreFoundByNumberAndName) {
  EXPECT_EQ(ggufTypeInfo(GgufType::Q6_K)->bytes, 210u);
  EXPECT_EQ(ggufTypeInfo("q4_1")->id, 3u);
  EXPECT_EQ(ggufTypeInfo("q4_2"), nullptr);
  EXPECT_EQ(ggufTypeInfo(4u), nullptr);
}
