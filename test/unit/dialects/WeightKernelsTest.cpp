// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The arithmetic of derived weights against plain definitions in double.

#include "dialects/lm/weights/WeightKernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace lmopt::lm;

namespace {

std::vector<float> randomNumbers(size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(count);
  for (float &x : numbers)
    x = normal(generator);
  return numbers;
}

// y[i] = sum_j (-1)^popcount(i and j) x[j] / sqrt(b); each of the log2(b) stages and the scaling round once.
TEST(WeightKernels, RotateBlocksIsTheHadamardProduct) {
  for (int64_t block : {2, 4, 8, 16, 64, 128}) {
    std::vector<float> x = randomNumbers(size_t(block * 3), unsigned(block)), y = x;
    rotateBlocks(y.data(), int64_t(y.size()), block);
    for (int64_t start = 0; start < block * 3; start += block)
      for (int64_t i = 0; i < block; ++i) {
        double sum = 0, magnitude = 0;
        for (int64_t j = 0; j < block; ++j) {
          sum += __builtin_parityll(uint64_t(i & j)) ? -double(x[start + j]) : double(x[start + j]);
          magnitude += std::abs(double(x[start + j]));
        }
        double bound = (std::log2(double(block)) + 2) * std::ldexp(1.0, -24) * magnitude / std::sqrt(double(block));
        EXPECT_NEAR(y[start + i], sum / std::sqrt(double(block)), bound) << block << ' ' << i;
      }
  }
}

TEST(WeightKernels, RotatingTwiceGivesBack) {
  std::vector<float> x = randomNumbers(256, 7), y = x;
  rotateBlocks(y.data(), 256, 64);
  rotateBlocks(y.data(), 256, 64);
  for (size_t i = 0; i < x.size(); ++i)
    EXPECT_NEAR(x[i], y[i], 1e-5);
}

TEST(WeightKernels, QuantizeHandVector) {
  const float w[] = {0.5f, -1.0f, 0.25f, 0.125f};
  int8_t codes[4];
  float scale;
  ASSERT_TRUE(quantizeRow(w, 4, codes, scale));
  EXPECT_NEAR(scale, 0.007874016, 1e-9);
  EXPECT_EQ(std::vector<int>(codes, codes + 4), (std::vector<int>{64, -127, 32, 16}));
}

// With max 127 the scale is 1, so the codes are the numbers rounded half to even.
TEST(WeightKernels, QuantizeRoundsHalfToEven) {
  const float w[] = {127, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 126.5f, -126.5f};
  int8_t codes[9];
  float scale;
  ASSERT_TRUE(quantizeRow(w, 9, codes, scale));
  EXPECT_EQ(scale, 1.0f);
  EXPECT_EQ(std::vector<int>(codes, codes + 9), (std::vector<int>{127, 0, 2, 2, 0, -2, -2, 126, -126}));
}

TEST(WeightKernels, QuantizeIsWithinHalfAStep) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::vector<float> w = randomNumbers(97, seed);
    std::vector<int8_t> codes(97);
    float scale;
    ASSERT_TRUE(quantizeRow(w.data(), 97, codes.data(), scale));
    for (size_t i = 0; i < w.size(); ++i) {
      EXPECT_NEAR(double(codes[i]) * scale, w[i], double(scale) * 0.5001);
      EXPECT_GE(codes[i], -127);
    }
  }
}

TEST(WeightKernels, QuantizeEdges) {
  int8_t codes[2] = {1, 1};
  float scale = 1;
  const float zeros[] = {0.0f, -0.0f}, tiny[] = {1e-45f, 0};
  ASSERT_TRUE(quantizeRow(zeros, 2, codes, scale));
  EXPECT_EQ(scale, 0.0f);
  EXPECT_EQ(codes[0], 0);
  ASSERT_TRUE(quantizeRow(tiny, 2, codes, scale)); // the scale underflows: zeros, no division by zero
  EXPECT_EQ(scale, 0.0f);
  EXPECT_EQ(codes[0], 0);
  for (float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    const float w[] = {1, -bad};
    EXPECT_FALSE(quantizeRow(w, 2, codes, scale));
  }
}

// Half to even, clamped on both sides, numbers whose product overflows too.
TEST(WeightKernels, TrainedCodes) {
  const float w[] = {0.25f, 0.75f, -1.25f, 63.5f, 64, 1e38f, -63.5f, -64, -1e38f};
  int8_t codes[9];
  ASSERT_TRUE(takeCodes(w, 9, 2, -128, codes));
  EXPECT_EQ(std::vector<int>(codes, codes + 9), (std::vector<int>{0, 2, -2, 127, 127, 127, -127, -128, -128}));
  ASSERT_TRUE(takeCodes(w, 9, 2, -127, codes));
  EXPECT_EQ(std::vector<int>(codes, codes + 9), (std::vector<int>{0, 2, -2, 127, 127, 127, -127, -127, -127}));
  ASSERT_TRUE(takeCodes(w, 9, 1e20f, -128, codes));
  EXPECT_EQ(std::vector<int>(codes + 5, codes + 9), (std::vector<int>{127, -128, -128, -128}));
  for (float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
    EXPECT_FALSE(takeCodes(&bad, 1, 1, -127, codes));
}

//===- Short groups ----------------------------------------------------------------------------------------------===//

/// The number that 15 bits of an f16 stand for; 0x7c00 as if the exponents went on: what lies beyond half of that step
/// above the greatest number is infinite.
double valueOfHalf(uint32_t bits) {
  int exponent = int(bits >> 10), fraction = int(bits & 1023);
  return exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
}

// Rounding is monotonic, so it is right everywhere when it is right at each f16 number, at the middle between two of
// them (exact in float: one bit more), and at the floats beside the middle.
TEST(WeightKernels, RoundToHalfAtEveryHalf) {
  for (uint32_t bits = 0; bits < 0x7c00; ++bits)
    for (float sign : {1.0f, -1.0f}) {
      float here = float(valueOfHalf(bits)), next = float(valueOfHalf(bits + 1)), middle = here + (next - here) / 2;
      float above = bits + 1 == 0x7c00 ? std::numeric_limits<float>::infinity() : next;
      ASSERT_EQ(roundToHalf(sign * here), sign * here) << bits;
      ASSERT_EQ(roundToHalf(sign * std::nextafter(middle, 0.0f)), sign * here) << bits;
      ASSERT_EQ(roundToHalf(sign * middle), sign * (bits % 2 == 0 ? here : above)) << bits;
      ASSERT_EQ(roundToHalf(sign * std::nextafter(middle, 1e30f)), sign * above) << bits;
    }
}

TEST(WeightKernels, RoundToHalfBeyondItsRange) {
  const float infinity = std::numeric_limits<float>::infinity(), greatest = std::numeric_limits<float>::max();
  for (float x : {infinity, greatest, 65536.0f}) {
    EXPECT_EQ(roundToHalf(x), infinity);
    EXPECT_EQ(roundToHalf(-x), -infinity);
  }
  EXPECT_EQ(roundToHalf(std::numeric_limits<float>::denorm_min()), 0.0f);
  EXPECT_EQ(roundToHalf(std::numeric_limits<float>::min()), 0.0f);
  EXPECT_TRUE(std::isnan(roundToHalf(std::numeric_limits<float>::quiet_NaN())));
}

/// The three formats of a short group.
struct Format {
  int bits;
  bool hasMin;
};
constexpr Format kFormats[] = {{4, false}, {4, true}, {8, false}};

struct ShortGroup {
  std::vector<int> codes;
  float scale = -1, minimum = 0;

  double at(size_t i) const { return double(codes[i]) * scale + minimum; }
};

/// Empty codes when the group is refused.
ShortGroup shortGroup(const std::vector<float> &w, Format format) {
  std::vector<int8_t> codes(w.size(), 99);
  ShortGroup result;
  if (quantizeShortGroup(w.data(), int64_t(w.size()), format.bits, codes.data(), result.scale,
                         format.hasMin ? &result.minimum : nullptr))
    result.codes.assign(codes.begin(), codes.end());
  return result;
}

using Codes = std::vector<int>;

// The greatest magnitude gets -8, and the scale its sign; with the scale 1, halves show that ties go to even.
TEST(WeightKernels, FourBitsOfAShortGroup) {
  ShortGroup group = shortGroup({-8, 7, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 7.5f}, {4, false});
  EXPECT_EQ(group.scale, 1.0f);
  EXPECT_EQ(group.codes, (Codes{-8, 7, 0, 2, 2, 0, -2, 7}));
  group = shortGroup({8, -7, 0.5f, 1.5f, 2.5f, -7.9f}, {4, false});
  EXPECT_EQ(group.scale, -1.0f);
  EXPECT_EQ(group.codes, (Codes{-8, 7, 0, -2, -2, 7}));
  group = shortGroup({-2, 2}, {4, false}); // two of the greatest magnitude: the positive one is met exactly
  EXPECT_EQ(group.at(1), 2.0);
  EXPECT_EQ(group.codes, (Codes{7, -8}));
}

TEST(WeightKernels, FourBitsWithMinimumOfAShortGroup) {
  ShortGroup group = shortGroup({0, 15, 0.5f, 1.5f, 2.5f, 14.5f}, {4, true});
  EXPECT_EQ(group.scale, 1.0f);
  EXPECT_EQ(group.minimum, 0.0f);
  EXPECT_EQ(group.codes, (Codes{0, 15, 0, 2, 2, 14}));
  group = shortGroup({-3, -10.5f, -10.25f}, {4, true});
  EXPECT_EQ(group.scale, 0.5f);
  EXPECT_EQ(group.minimum, -10.5f);
  EXPECT_EQ(group.codes, (Codes{15, 0, 0}));
}

TEST(WeightKernels, EightBitsOfAShortGroup) {
  ShortGroup group = shortGroup({-127, 0.5f, 1.5f, 2.5f, -126.5f, 127}, {8, false});
  EXPECT_EQ(group.scale, 1.0f);
  EXPECT_EQ(group.codes, (Codes{-127, 0, 2, 2, -126, 127}));
}

// f16 rounds the scale down here (1.0004 to 1), so the end of the range would get 127.05.
TEST(WeightKernels, CodesStayInRangeWhenTheScaleIsRoundedDown) {
  EXPECT_EQ(shortGroup({127.05f, -127.05f}, {8, false}).codes, (Codes{127, -127}));
  EXPECT_EQ(shortGroup({-8.003f, 0}, {4, false}).codes, (Codes{-8, 0}));
  EXPECT_EQ(shortGroup({15.005f, 0}, {4, true}).codes, (Codes{15, 0}));
}

// Half a step; the rounded scale takes up to 2^-11 of the range more, the minimum 2^-11 of itself. Four bits have no
// +8: what would be nearest to it is off by up to a step.
TEST(WeightKernels, ShortGroupsAreWithinHalfAStep) {
  for (Format format : kFormats)
    for (unsigned seed = 0; seed < 200; ++seed) {
      std::vector<float> w = randomNumbers(32, seed);
      ShortGroup group = shortGroup(w, format);
      ASSERT_EQ(group.codes.size(), w.size());
      double most = format.bits == 8 ? 127 : format.hasMin ? 15 : 8, step = std::abs(double(group.scale));
      double rounding = std::ldexp(most * step + std::abs(double(group.minimum)), -11) + 1e-6;
      double bound = step * (format.bits == 4 && !format.hasMin ? 1.0 : 0.5) + rounding;
      for (size_t i = 0; i < w.size(); ++i)
        EXPECT_NEAR(group.at(i), w[i], bound) << format.bits << ' ' << format.hasMin;
    }
}

TEST(WeightKernels, ShortGroupsOfOneNumberAllOver) {
  for (Format format : kFormats) {
    ShortGroup zero = shortGroup({0.0f, -0.0f, 0.0f}, format);
    EXPECT_EQ(zero.scale, 0.0f);
    EXPECT_EQ(zero.minimum, 0.0f);
    EXPECT_EQ(zero.codes, (Codes{0, 0, 0}));
    ShortGroup tiny = shortGroup({1e-40f, -1e-40f}, format); // no scale of f16 is so small: no division by zero
    EXPECT_EQ(tiny.scale, 0.0f);
    EXPECT_EQ(tiny.codes, (Codes{0, 0}));
  }
  ShortGroup equal = shortGroup({-0.1f, -0.1f}, {4, true});
  EXPECT_EQ(equal.scale, 0.0f);
  EXPECT_EQ(equal.minimum, roundToHalf(-0.1f));
  EXPECT_EQ(equal.codes, (Codes{0, 0}));
  EXPECT_EQ(shortGroup({-0.5f, -0.5f}, {4, false}).at(0), -0.5);
}

TEST(WeightKernels, ShortGroupsUpToTheEndsOfF16) {
  const float end = 65504, step = 32; // beyond end + step / 2, f16 is infinite
  EXPECT_EQ(shortGroup({-8 * end, 0}, {4, false}).at(0), -8.0 * end);
  EXPECT_TRUE(shortGroup({-8 * (end + step), 0}, {4, false}).codes.empty());
  EXPECT_EQ(shortGroup({127 * end, 0}, {8, false}).at(0), 127.0 * end);
  EXPECT_TRUE(shortGroup({127 * (end + step), 0}, {8, false}).codes.empty());
  EXPECT_EQ(shortGroup({0, 15 * end}, {4, true}).at(1), 15.0 * end);
  EXPECT_TRUE(shortGroup({0, 15 * (end + step)}, {4, true}).codes.empty());
  EXPECT_EQ(shortGroup({-end, 0}, {4, true}).minimum, -end);
  EXPECT_TRUE(shortGroup({-(end + step), 0}, {4, true}).codes.empty());
  EXPECT_TRUE(shortGroup({end + step, end + step}, {4, true}).codes.empty());
}

TEST(WeightKernels, ShortGroupsRefuseWhatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity(), greatest = std::numeric_limits<float>::max();
  for (Format format : kFormats) {
    for (float bad : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN(), greatest})
      for (size_t where : {0, 1, 2}) {
        std::vector<float> w = {1, -2, 0};
        w[where] = bad;
        EXPECT_TRUE(shortGroup(w, format).codes.empty()) << format.bits << ' ' << bad;
      }
    EXPECT_TRUE(shortGroup({greatest, -greatest}, format).codes.empty()); // their difference is infinite
  }
}

// Numbers that were made from such codes get them back. What ggml writes uses both ends of 0 .. 15 (with a minimum),
// -8, or one of -127 and 127; minima are at most some hundred steps away, else the sum would have lost bits of the
// scale.
TEST(WeightKernels, DecodedGroupsGetTheirCodesBack) {
  std::mt19937 generator(3);
  for (Format format : kFormats)
    for (int round = 0; round < 500; ++round) {
      int least = format.bits == 8 ? -127 : format.hasMin ? 0 : -8, greatest = least + (format.bits == 8 ? 254 : 15);
      ShortGroup group;
      group.codes = {least, greatest};
      for (int i = 2; i < 32; ++i)
        group.codes.push_back(std::uniform_int_distribution(least, greatest)(generator));
      std::shuffle(group.codes.begin(), group.codes.end(), generator);
      bool isNegative = round % 2 == 1 && format.bits == 4 && !format.hasMin;
      group.scale = roundToHalf(std::uniform_real_distribution(1e-4f, 10.0f)(generator)) * (isNegative ? -1 : 1);
      float steps = std::uniform_real_distribution(-100.0f, 100.0f)(generator);
      group.minimum = format.hasMin ? roundToHalf(group.scale * steps) : 0;
      std::vector<float> decoded;
      for (size_t i = 0; i < group.codes.size(); ++i)
        decoded.push_back(float(group.codes[i]) * group.scale + group.minimum);
      ShortGroup found = shortGroup(decoded, format);
      EXPECT_EQ(found.codes, group.codes);
      EXPECT_EQ(found.scale, group.scale);
      EXPECT_EQ(found.minimum, group.minimum);
    }
}

TEST(WeightKernels, PermutationsAreInverse) {
  for (int64_t dims : {4, 6, 8})
    for (int64_t row = 0; row < 24; ++row) {
      int64_t source = permutedRow(row, 8, dims, true);
      EXPECT_EQ(source / 8, row / 8);
      EXPECT_EQ(permutedRow(source, 8, dims, false), row);
    }
  EXPECT_EQ(permutedRow(1, 8, 8, true), 2); // half-split row 1 is the first of pair 1: interleaved row 2
  EXPECT_EQ(permutedRow(4, 8, 8, true), 1); // half-split row 4 is the second of pair 0: interleaved row 1
}

} // namespace
