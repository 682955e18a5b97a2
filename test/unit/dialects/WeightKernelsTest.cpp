// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The arithmetic of derived weights against plain definitions in double.

#include "dialects/lm/WeightKernels.h"

#include <gtest/gtest.h>

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
  ASSERT_TRUE(quantizeGroup(w, 4, codes, scale));
  EXPECT_NEAR(scale, 0.007874016, 1e-9);
  EXPECT_EQ(std::vector<int>(codes, codes + 4), (std::vector<int>{64, -127, 32, 16}));
}

// With max 127 the scale is 1, so the codes are the numbers rounded half to even.
TEST(WeightKernels, QuantizeRoundsHalfToEven) {
  const float w[] = {127, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 126.5f, -126.5f};
  int8_t codes[9];
  float scale;
  ASSERT_TRUE(quantizeGroup(w, 9, codes, scale));
  EXPECT_EQ(scale, 1.0f);
  EXPECT_EQ(std::vector<int>(codes, codes + 9), (std::vector<int>{127, 0, 2, 2, 0, -2, -2, 126, -126}));
}

TEST(WeightKernels, QuantizeIsWithinHalfAStep) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::vector<float> w = randomNumbers(97, seed);
    std::vector<int8_t> codes(97);
    float scale;
    ASSERT_TRUE(quantizeGroup(w.data(), 97, codes.data(), scale));
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
  ASSERT_TRUE(quantizeGroup(zeros, 2, codes, scale));
  EXPECT_EQ(scale, 0.0f);
  EXPECT_EQ(codes[0], 0);
  ASSERT_TRUE(quantizeGroup(tiny, 2, codes, scale)); // the scale underflows: zeros, no division by zero
  EXPECT_EQ(scale, 0.0f);
  EXPECT_EQ(codes[0], 0);
  for (float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    const float w[] = {1, -bad};
    EXPECT_FALSE(quantizeGroup(w, 2, codes, scale));
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
