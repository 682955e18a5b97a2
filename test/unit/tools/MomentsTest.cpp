// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of calibration against loops that anyone can read: the same bits, since products are exact and the order is that
// of the rows; for widths around the tiles, for any number of threads, in one call or many.
#include "tools/calibrate/Moments.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace lmopt;

static std::vector<float> numbers(size_t count) {
  std::mt19937 generator(7);
  std::normal_distribution<float> normal(0.1f);
  std::vector<float> result(count);
  for (float &number : result)
    number = normal(generator);
  return result;
}

static Moments plainly(const std::vector<float> &rows, int64_t width) {
  Moments moments(width);
  for (size_t start = 0; start < rows.size(); start += size_t(width))
    for (int64_t i = 0; i < width; ++i) {
      float x = rows[start + size_t(i)];
      for (int64_t j = 0; j <= i; ++j)
        moments.products[size_t(i * width + j)] += double(x) * rows[start + size_t(j)];
      moments.sums[size_t(i)] += x;
      moments.positive[size_t(i)] += x > 0;
      moments.greatest[size_t(i)] = std::max(moments.greatest[size_t(i)], std::fabs(x));
    }
  return moments;
}

static void expectSame(const Moments &found, const Moments &expected) {
  for (int64_t i = 0; i < expected.width; ++i)
    for (int64_t j = 0; j <= i; ++j)
      ASSERT_EQ(found.products[size_t(i * found.width + j)], expected.products[size_t(i * found.width + j)])
          << i << ", " << j;
  EXPECT_EQ(found.sums, expected.sums);
  EXPECT_EQ(found.positive, expected.positive);
  EXPECT_EQ(found.greatest, expected.greatest);
}

TEST(Moments, AreThoseOfPlainLoops) {
  for (int64_t width : {1, 3, 8, 63, 64, 65, 130})
    for (int64_t count : {1, 63, 64, 65, 130}) {
      std::vector<float> rows = numbers(size_t(width * count));
      Moments found(width);
      addRows({{&found, rows.data()}}, count, 1);
      expectSame(found, plainly(rows, width));
    }
}

TEST(Moments, DoNotDependOnThreadsOrCalls) {
  constexpr int64_t width = 200, count = 150, first = 77;
  std::vector<float> rows = numbers(size_t(width * count));
  Moments expected = plainly(rows, width);
  for (int threads : {1, 2, 5}) {
    Moments found(width), other(9);
    addRows({{&found, rows.data()}, {&other, rows.data()}}, first, threads);
    addRows({{&found, rows.data() + first * width}}, count - first, threads);
    expectSame(found, expected);
  }
}

TEST(Moments, CountTheGreatestOfEitherSign) {
  std::vector<float> rows = {-3, 0, 2, 0, 1, -2};
  Moments found(2);
  addRows({{&found, rows.data()}}, 3, 1);
  EXPECT_EQ(found.greatest, (std::vector<float>{3, 2}));
  EXPECT_EQ(found.positive, (std::vector<double>{2, 0}));
  EXPECT_EQ(found.sums, (std::vector<double>{0, -2}));
}
