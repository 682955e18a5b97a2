// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of rows; see RowProducts.h.
#include "passes/factorize-softmax/RowProducts.h"

#include <algorithm>

namespace lmopt::lm {

// Beside the baseline, code for AVX2. Both add in the same order and round each product, so the bits are the same.
#define LMOPT_FOR_ALL_CPUS __attribute__((target_clones("default", "arch=x86-64-v3")))
#pragma clang fp contract(off)

static constexpr int64_t kLanes = PanelMatrix::kLanes, kTogether = 4;

PanelMatrix::PanelMatrix(const float *numbers, int64_t rows, int64_t width, const int64_t *order)
    : count(rows), columns(width) {
  panels.resize(static_cast<size_t>(stride() * width));
  for (int64_t n = 0; n < rows; ++n) {
    const float *from = numbers + (order ? order[n] : n) * width;
    float *to = panels.data() + n / kLanes * kLanes * width + n % kLanes;
    for (int64_t k = 0; k < width; ++k)
      to[k * kLanes] = from[k];
  }
}

/// Four rows and a panel: their sums stay in registers.
LMOPT_FOR_ALL_CPUS static void multiplyTile(const float *rows, const float *panel, int64_t width, float *results,
                                            int64_t stride) {
  float sums[kTogether][kLanes] = {};
  for (int64_t k = 0; k < width; ++k)
    for (int64_t r = 0; r < kTogether; ++r)
      for (int64_t lane = 0; lane < kLanes; ++lane)
        sums[r][lane] += rows[r * width + k] * panel[k * kLanes + lane];
  for (int64_t r = 0; r < kTogether; ++r)
    std::copy_n(sums[r], kLanes, results + r * stride);
}

LMOPT_FOR_ALL_CPUS static void multiplyRow(const float *row, const float *panel, int64_t width, float *results) {
  float sums[kLanes] = {};
  for (int64_t k = 0; k < width; ++k)
    for (int64_t lane = 0; lane < kLanes; ++lane)
      sums[lane] += row[k] * panel[k * kLanes + lane];
  std::copy_n(sums, kLanes, results);
}

void PanelMatrix::multiply(const float *inputs, int64_t number, float *results) const {
  for (int64_t first = 0; first < count; first += kLanes) {
    const float *panel = panels.data() + first * columns;
    int64_t r = 0;
    for (; r + kTogether <= number; r += kTogether)
      multiplyTile(inputs + r * columns, panel, columns, results + r * stride() + first, stride());
    for (; r < number; ++r)
      multiplyRow(inputs + r * columns, panel, columns, results + r * stride() + first);
  }
}

LMOPT_FOR_ALL_CPUS static void addMultiple(float factor, const float *from, int64_t count, float *to) {
  for (int64_t k = 0; k < count; ++k)
    to[k] += factor * from[k];
}

void addOuterProducts(const float *left, int64_t stride, int64_t columns, const float *right, int64_t width,
                      int64_t number, float *sums) {
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t r = 0; r < number; ++r)
      addMultiple(left[r * stride + c], right + r * width, width, sums + c * width);
}

} // namespace lmopt::lm
