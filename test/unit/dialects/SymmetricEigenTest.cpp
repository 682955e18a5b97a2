// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The symmetric eigenproblem: A v = value v, vectors orthogonal, values those that are known. Tolerances: a backward
// stable method in f64 errs by a few n of 1e-16 of the largest value; 100 n of them are allowed.
#include "dialects/lm/weights/SymmetricEigen.h"
#include "dialects/lm/weights/LinearAlgebra.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace lmopt::lm;

namespace {

SquareMatrix randomMatrix(int64_t size, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  SquareMatrix matrix(size);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j <= i; ++j)
      matrix.row(i)[j] = matrix.row(j)[i] = normal(generator);
  return matrix;
}

void expectEigenpairs(const SquareMatrix &matrix) {
  int64_t n = matrix.size;
  Eigenpairs pairs = eigenpairs(matrix, n);
  ASSERT_EQ(pairs.values.size(), size_t(n));
  ASSERT_EQ(pairs.vectors.size(), size_t(n * n));
  double largest = std::max(std::abs(pairs.values.front()), std::abs(pairs.values.back()));
  double bound = 1e-14 * double(n);
  std::vector<double> images = productTransposed(pairs.vectors, n, matrix.numbers, n, n);
  std::vector<double> products = productTransposed(pairs.vectors, n, pairs.vectors, n, n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      auto at = size_t(i * n + j);
      EXPECT_LE(std::abs(images[at] - pairs.values[size_t(i)] * pairs.vectors[at]), bound * largest);
      EXPECT_NEAR(products[at], i == j, bound);
    }
  EXPECT_TRUE(std::is_sorted(pairs.values.rbegin(), pairs.values.rend()));
  EXPECT_EQ(eigenvalues(matrix), pairs.values);
}

TEST(SymmetricEigen, RandomMatrices) {
  for (int64_t size : {1, 2, 3, 4, 5, 17, 40, 100})
    expectEigenpairs(randomMatrix(size, unsigned(size)));
}

TEST(SymmetricEigen, MatricesThatFallApart) {
  expectEigenpairs(SquareMatrix(5)); // zeros
  SquareMatrix unit(6);
  unit.addToDiagonal(-3);
  expectEigenpairs(unit);
  SquareMatrix blocks = randomMatrix(12, 7);
  for (int64_t i = 0; i < 5; ++i)
    for (int64_t j = 5; j < 12; ++j)
      blocks.row(i)[j] = blocks.row(j)[i] = 0;
  expectEigenpairs(blocks);
  SquareMatrix swapped(4); // zeros on the diagonal
  swapped.row(0)[3] = swapped.row(3)[0] = swapped.row(1)[2] = swapped.row(2)[1] = 2;
  expectEigenpairs(swapped);
}

TEST(SymmetricEigen, OfManyEqualValues) {
  SquareMatrix matrix(20); // u uᵀ + 1
  for (int64_t i = 0; i < 20; ++i)
    for (int64_t j = 0; j < 20; ++j)
      matrix.row(i)[j] = double((i + 1) * (j + 1)) + (i == j);
  expectEigenpairs(matrix);
  EXPECT_NEAR(eigenvalues(matrix)[0], 2871, 1e-9); // sum of squares + 1
  EXPECT_NEAR(eigenvalues(matrix)[19], 1, 1e-9);
}

TEST(SymmetricEigen, ValuesOfSecondDifferences) {
  constexpr int64_t n = 50;
  SquareMatrix matrix(n);
  for (int64_t i = 0; i < n; ++i) {
    matrix.row(i)[i] = 2;
    if (i + 1 < n)
      matrix.row(i)[i + 1] = matrix.row(i + 1)[i] = -1;
  }
  std::vector<double> values = eigenvalues(matrix);
  for (int64_t k = 1; k <= n; ++k)
    EXPECT_NEAR(values[size_t(n - k)], 2 - 2 * std::cos(double(k) * M_PI / (n + 1)), 1e-13);
}

TEST(SymmetricEigen, AnySize) {
  for (double scale : {1e-280, 1e-160, 1e160, 1e280}) {
    SquareMatrix matrix = randomMatrix(9, 2), scaled = matrix;
    for (double &number : scaled.numbers)
      number *= scale;
    std::vector<double> expected = eigenvalues(matrix), found = eigenvalues(scaled);
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_NEAR(found[i] / scale, expected[i], 1e-12);
  }
}

TEST(SymmetricEigen, SomeVectorsAreTheFirstOfAll) {
  SquareMatrix matrix = randomMatrix(30, 4);
  std::vector<double> all = eigenpairs(matrix, 30).vectors;
  all.resize(7 * 30);
  EXPECT_EQ(eigenpairs(matrix, 7).vectors, all);
}

TEST(SymmetricEigen, NumbersThatAreNotFiniteHaveNone) {
  for (double number : {double(NAN), double(INFINITY)}) {
    SquareMatrix matrix = randomMatrix(5, 1);
    matrix.row(2)[2] = number;
    EXPECT_TRUE(eigenvalues(matrix).empty());
    EXPECT_TRUE(eigenpairs(matrix, 2).values.empty());
  }
}

} // namespace
