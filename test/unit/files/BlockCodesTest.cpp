// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Blocks taken apart: what the numbers are is DequantizeTest.cpp's, what codes and scales are stands here.
#include "files/gguf/BlockCodes.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

using namespace lmopt;

static const std::string kFixtures = std::string(LMOPT_SOURCE_DIR) + "/test/unit/files/fixtures/";

/// Codes are within the bits that the format states, and reach both ends, or all bits that the file has (random ones).
static void expectCodesInRange(const GgufFile &file, const GgufTensor &tensor, const GgufCodes &format) {
  std::vector<int8_t> codes(1024);
  std::vector<float> scales(1024 / format.group), minima(format.hasMin ? scales.size() : 0);
  ASSERT_TRUE(file.readCodes(tensor, codes.data(), scales.data(), minima.data())) << tensor.name;
  bool isUnsigned = format.hasMin || format.entries;
  int stored = format.type == GgufType::Q2_K ? 2 : format.type == GgufType::Q3_K ? 3 : format.bits;
  int least = isUnsigned ? 0 : -(1 << (stored - 1)), greatest = least + (1 << stored) - 1;
  auto [low, high] = std::minmax_element(codes.begin(), codes.end());
  EXPECT_EQ(*low, format.type == GgufType::MXFP4 ? 0 : least) << tensor.name;
  EXPECT_EQ(*high, greatest) << tensor.name;
}

TEST(BlockCodes, AreWithinTheirBits) {
  int seen = 0;
  for (const char *name : {"types.gguf", "blocks.gguf"}) {
    Result<GgufFile> file = GgufFile::open(kFixtures + name);
    ASSERT_TRUE(file) << file.error().message;
    for (const GgufTensor &tensor : file->tensors())
      if (const GgufCodes *format = ggufCodes(static_cast<GgufType>(tensor.type->id))) {
        expectCodesInRange(*file, tensor, *format);
        ++seen;
      }
  }
  EXPECT_EQ(seen, 13);
}

// As an !lm.codebook wants them.
TEST(BlockCodes, EntriesAscend) {
  for (GgufType type : {GgufType::IQ4_NL, GgufType::IQ4_XS, GgufType::MXFP4}) {
    const int8_t *entries = ggufCodes(type)->entries;
    EXPECT_TRUE(std::is_sorted(entries, entries + 16));
    EXPECT_GE(entries[0], -127);
  }
}

// Each field of a block where it belongs, with codes at both ends.
TEST(BlockCodes, ByHand) {
  std::string nibbles(16, '\x80'); // 0 in the lower half, 8 in the upper one
  nibbles[0] = '\x0f', nibbles[15] = '\xf7';
  const std::string one("\x00\x3c", 2), minusTwo("\x00\xc0", 2);
  int8_t codes[32];
  float scale = 0, minimum = 7;
  auto ends = [&] { return std::vector<int>{codes[0], codes[1], codes[15], codes[16], codes[17], codes[31]}; };
  splitBlocks(GgufType::Q4_0, (minusTwo + nibbles).data(), 1, codes, &scale, &minimum);
  EXPECT_EQ(scale, -2.0f);
  EXPECT_EQ(minimum, 7.0f) << "q4_0 has no minimum";
  EXPECT_EQ(ends(), (std::vector<int>{7, -8, -1, -8, 0, 7}));
  splitBlocks(GgufType::Q4_1, (one + minusTwo + nibbles).data(), 1, codes, &scale, &minimum);
  EXPECT_EQ(scale, 1.0f);
  EXPECT_EQ(minimum, -2.0f);
  EXPECT_EQ(ends(), (std::vector<int>{15, 0, 7, 0, 8, 15}));
  splitBlocks(GgufType::IQ4_NL, (minusTwo + nibbles).data(), 1, codes, &scale, nullptr);
  EXPECT_EQ(ends(), (std::vector<int>{15, 0, 7, 0, 8, 15}));
  const std::string fifths("\x01\x80\x00\x80", 4); // of values 0, 15 and 31
  splitBlocks(GgufType::Q5_0, (one + fifths + nibbles).data(), 1, codes, &scale, nullptr);
  EXPECT_EQ(ends(), (std::vector<int>{15, -16, 7, -16, -8, 15}));
  splitBlocks(GgufType::Q5_1, (one + minusTwo + fifths + nibbles).data(), 1, codes, &scale, &minimum);
  EXPECT_EQ(ends(), (std::vector<int>{31, 0, 23, 0, 8, 31}));
  std::string bytes(32, '\x01');
  bytes[0] = '\x80', bytes[31] = '\x7f';
  splitBlocks(GgufType::Q8_0, (one + bytes).data(), 1, codes, &scale, nullptr);
  EXPECT_EQ(scale, 1.0f);
  EXPECT_EQ(ends(), (std::vector<int>{-128, 1, 1, 1, 1, 127}));
}

// Minus zero is zero; scales are half a power of two, also where that is subnormal.
TEST(BlockCodes, Mxfp4ByHand) {
  std::string block("\x81\x08\x7f", 3); // 2; codes 8 (-0) and 0, 15 (-6) and 7 (6)
  block.append(14, '\x10');
  int8_t codes[32];
  float scale = 0;
  splitBlocks(GgufType::MXFP4, block.data(), 1, codes, &scale, nullptr);
  EXPECT_EQ(scale, 2.0f);
  const int8_t *entries = ggufCodes(GgufType::MXFP4)->entries;
  auto value = [&](int i) { return static_cast<int>(entries[codes[i]]); };
  EXPECT_EQ((std::vector<int>{value(0), value(1), value(2), value(16), value(17), value(18)}),
            (std::vector<int>{0, -12, 0, 0, 12, 1}));
  for (int exponent : {0, 1, 2, 254}) {
    block[0] = static_cast<char>(exponent);
    splitBlocks(GgufType::MXFP4, block.data(), 1, codes, &scale, nullptr);
    EXPECT_EQ(scale, std::ldexp(1.0f, exponent - 128)) << exponent;
  }
}

TEST(BlockCodes, OtherTypesHaveNone) {
  Result<GgufFile> file = GgufFile::open(kFixtures + "types.gguf");
  ASSERT_TRUE(file) << file.error().message;
  int refused = 0;
  for (const GgufTensor &tensor : file->tensors()) {
    int8_t codes[1024];
    float scales[64], minima[64];
    Result<void> result = file->readCodes(tensor, codes, scales, minima);
    if (result)
      continue;
    ++refused;
    EXPECT_EQ(result.error().code, 4);
    EXPECT_NE(result.error().message.find("' has type " + std::string(tensor.type->name) +
                                          ", which has no codes to keep; these have: q4_0, q4_1, q5_0"),
              std::string::npos)
        << result.error().message;
  }
  EXPECT_EQ(refused, 3) << "f32, f16 and bf16";
}
