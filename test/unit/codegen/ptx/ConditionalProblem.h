// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of conditional layers share: rows and matrices of random numbers, as kernels want them and as the
// meaning of the ops does (dialects/lm/conditional/Reference.h: plain loops in f64).
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_CONDITIONALPROBLEM_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_CONDITIONALPROBLEM_H

#include "codegen/ptx/Rows.h"
#include "codegen/ptx/conditional/NeuronRows.h"
#include "dialects/lm/conditional/Reference.h"
#include "test/unit/codegen/ptx/KernelRun.h"

#include <cmath>
#include <limits>
#include <random>

namespace lmopt::kerneltest {

namespace reference = lm::reference;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Matrix {
  Matrix(int64_t rows, int64_t width, unsigned seed)
      : width(width), tensor(reference::Tensor::ofF32({1, rows, width})) {
    std::mt19937 random(seed);
    std::normal_distribution<float> distribution;
    for (float &x : tensor.f32)
      x = distribution(random);
  }
  int64_t width;
  reference::Tensor tensor;

  int64_t rows() const { return tensor.rows(); }
  float &at(int64_t row, int64_t k) { return tensor.f32[size_t(row * width + k)]; }
  const float *data() const { return tensor.f32.data(); }
  reference::Weight weight() const {
    reference::Weight weight;
    weight.rows = rows();
    weight.columns = width;
    weight.f32 = data();
    return weight;
  }
};

/// Numbers of neurons that are zero, or nearly, sums of terms that are ten million times as large: in f32 they have
/// either sign.
inline void makeVanish(Matrix &x, Matrix &keys, std::vector<float> &bias) {
  std::mt19937 random(7);
  auto below = [&](int64_t end) { return int64_t(random() % uint64_t(end)); };
  for (int64_t row = 0; row < x.rows(); ++row)
    for (int64_t k = 0; k + 1 < x.width; k += 2)
      x.at(row, k) = x.at(row, k + 1) = float(1000 + below(1000)) * (row % 2 ? 1.0F : 1.0009765F);
  for (int64_t n = 0; n < keys.rows(); ++n) {
    for (int64_t k = 0; k + 1 < keys.width; k += 2)
      keys.at(n, k + 1) = -keys.at(n, k);
    keys.at(n, below(keys.width)) *= n % 3 ? 1 + 0x1p-23F : 1;
    bias[size_t(n)] = n % 4 ? 0 : n % 8 ? 1e-6F : -1e-6F;
  }
}

inline std::vector<float> padded(const reference::Tensor &rows) {
  auto width = size_t(rows.width()), stride = size_t(nvptx::rowBytes(rows.width(), 4) / 4);
  std::vector<float> out(size_t(rows.rows()) * stride);
  for (size_t row = 0; row < size_t(rows.rows()); ++row)
    std::copy_n(rows.f32.begin() + std::ptrdiff_t(row * width), width, out.begin() + std::ptrdiff_t(row * stride));
  return out;
}

/// Each number within `tolerance` of the greatest in its row (of one at least), or no number either; padding is zero.
inline void expectRows(const std::vector<char> &found, const reference::Tensor &expected, double tolerance) {
  std::vector<float> numbers = as<float>(found), wanted = padded(expected);
  ASSERT_EQ(numbers.size(), wanted.size());
  size_t stride = wanted.size() / size_t(expected.rows());
  for (size_t row = 0; row < size_t(expected.rows()); ++row) {
    float greatest = 1;
    for (size_t m = 0; m < stride; ++m)
      if (std::isfinite(wanted[row * stride + m]))
        greatest = std::max(greatest, std::fabs(wanted[row * stride + m]));
    for (size_t m = 0; m < stride; ++m) {
      float x = numbers[row * stride + m], y = wanted[row * stride + m];
      if (m >= size_t(expected.width()))
        ASSERT_EQ(x, 0) << "row " << row << " behind its end, " << m;
      else if (std::isfinite(y))
        ASSERT_NEAR(x, y, tolerance * double(greatest)) << "row " << row << ", " << m;
      else
        ASSERT_FALSE(std::isfinite(x)) << "row " << row << ", " << m;
    }
  }
}

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_CONDITIONALPROBLEM_H
