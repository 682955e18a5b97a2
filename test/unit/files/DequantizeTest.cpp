// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The decoders, bit for bit against the Python package gguf (fixtures/make_fixtures.py).
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

/// Every tensor of a fixture, whole and a row of it.
static void expectReference(const std::string &name, size_t count) {
  Result<GgufFile> file = GgufFile::open(kFixtures + name + ".gguf");
  ASSERT_TRUE(file) << file.error().message;
  std::vector<float> expected = readFloats(kFixtures + name + ".expected.f32");
  ASSERT_EQ(file->tensors().size(), count);
  ASSERT_EQ(expected.size(), count * 1024);
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

TEST(Dequantize, AllTypesAsTheReferenceDoes) { expectReference("types", 11); }
TEST(Dequantize, FurtherBlocksAsTheReferenceDoes) { expectReference("blocks", 5); }

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
