// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.rms_norm, lm.layer_norm, lm.l2_normalize; see Reference.h.

#include "dialects/lm/norm/Reference.h"

#include <algorithm>
#include <cmath>

namespace lmopt::lm::reference {

// y[k] = w[k] x[k] / sqrt(mean(x^2) + eps)
Tensor rmsNorm(Tensor x, const float *weight, double eps, int64_t heads) {
  const int64_t width = x.width() / heads;
  for (int64_t r = 0; r < x.rows() * heads; ++r) {
    float *row = &x.f32[r * width];
    double squares = 0;
    for (int64_t k = 0; k < width; ++k)
      squares += double(row[k]) * row[k];
    double inverse = 1 / std::sqrt(squares / double(width) + eps);
    for (int64_t k = 0; k < width; ++k)
      row[k] = float(row[k] * inverse * (weight ? weight[k] : 1.0));
  }
  return x;
}

// y[k] = w[k] (x[k] - mean) / sqrt(variance + eps) + b[k]
Tensor layerNorm(Tensor x, const float *weight, const float *bias, double eps) {
  const int64_t width = x.width();
  for (int64_t r = 0; r < x.rows(); ++r) {
    float *row = &x.f32[r * width];
    double sum = 0, squares = 0;
    for (int64_t k = 0; k < width; ++k)
      sum += row[k];
    const double mean = sum / double(width);
    for (int64_t k = 0; k < width; ++k)
      squares += (row[k] - mean) * (row[k] - mean);
    double inverse = 1 / std::sqrt(squares / double(width) + eps);
    for (int64_t k = 0; k < width; ++k)
      row[k] = float((row[k] - mean) * inverse * (weight ? weight[k] : 1.0) + (bias ? bias[k] : 0.0));
  }
  return x;
}

// y = x / max(|x|, 1e-12)
Tensor l2Normalize(Tensor x) {
  const int64_t width = x.width();
  for (int64_t r = 0; r < x.rows(); ++r) {
    float *row = &x.f32[r * width];
    double squares = 0;
    for (int64_t k = 0; k < width; ++k)
      squares += double(row[k]) * row[k];
    double length = std::max(std::sqrt(squares), 1e-12);
    for (int64_t k = 0; k < width; ++k)
      row[k] = float(row[k] / length);
  }
  return x;
}

} // namespace lmopt::lm::reference
