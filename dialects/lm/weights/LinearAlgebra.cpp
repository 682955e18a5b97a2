// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums over rows; see LinearAlgebra.h.
#include "dialects/lm/weights/LinearAlgebra.h"

#include <algorithm>

namespace lmopt::lm {

// Beside the baseline, code for AVX2. Both add the same eight sums in the same order and round each product, so the
// bits are the same; a fused product and sum would be rounded once.
#define LMOPT_FOR_ALL_CPUS __attribute__((target_clones("default", "arch=x86-64-v3")))
#pragma clang fp contract(off)

static constexpr int64_t kLanes = 8;

LMOPT_FOR_ALL_CPUS double dot(const double *a, const double *b, int64_t count) {
  double sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int64_t k = 0; k < kLanes; ++k)
      sums[k] += a[i + k] * b[i + k];
  for (int64_t k = 0; i + k < count; ++k)
    sums[k] += a[i + k] * b[i + k];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

LMOPT_FOR_ALL_CPUS void subtract(double *y, const double *x, double factor, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    y[i] -= factor * x[i];
}

LMOPT_FOR_ALL_CPUS void rotate(double *a, double *b, double cosine, double sine, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    double first = a[i], second = b[i];
    a[i] = cosine * first - sine * second;
    b[i] = sine * first + cosine * second;
  }
}

/// So many rows of B stay in the second-level cache while all rows of A pass.
static constexpr int64_t kCachedNumbers = int64_t(1) << 15;

std::vector<double> productTransposed(const std::vector<double> &a, int64_t rows, const std::vector<double> &b,
                                      int64_t others, int64_t width) {
  std::vector<double> product(static_cast<size_t>(rows * others));
  int64_t together = std::max<int64_t>(1, kCachedNumbers / width);
  for (int64_t first = 0; first < others; first += together)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t o = first; o < std::min(first + together, others); ++o)
        product[static_cast<size_t>(r * others + o)] = dot(a.data() + r * width, b.data() + o * width, width);
  return product;
}

std::vector<double> transposed(const std::vector<double> &a, int64_t rows, int64_t columns) {
  std::vector<double> result(a.size());
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      result[static_cast<size_t>(c * rows + r)] = a[static_cast<size_t>(r * columns + c)];
  return result;
}

} // namespace lmopt::lm
