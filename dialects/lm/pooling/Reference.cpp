// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.pool; see Reference.h.

#include "dialects/lm/pooling/Reference.h"

#include <algorithm>
#include <cmath>

namespace lmopt::lm::reference {

/// One number of the pooled vector, from the `count` >= 1 numbers x[0], x[stride], ...
static double poolColumn(const float *x, int64_t count, int64_t stride, Pooling pooling) {
  if (pooling == Pooling::Cls)
    return x[0];
  if (pooling == Pooling::Last)
    return x[(count - 1) * stride];
  double sum = 0, weighted = 0, largest = x[0];
  for (int64_t t = 0; t < count; ++t) {
    sum += x[t * stride];
    weighted += double(t + 1) * x[t * stride];
    largest = std::max(largest, double(x[t * stride]));
  }
  if (pooling == Pooling::Mean)
    return sum / double(count);
  if (pooling == Pooling::MeanSqrt)
    return sum / std::sqrt(double(count));
  return pooling == Pooling::Max ? largest : weighted / (double(count) * double(count + 1) / 2);
}

Tensor pool(const Tensor &x, const Tensor &lengths, const std::vector<Pooling> &poolings) {
  const int64_t length = x.size(1), width = x.width(), kinds = int64_t(poolings.size());
  Tensor y = Tensor::ofF32({x.size(0), width * kinds});
  for (int64_t b = 0; b < x.size(0); ++b) {
    int64_t count = std::clamp<int64_t>(lengths.i32[b], 0, length);
    for (int64_t i = 0; i < kinds && count > 0; ++i)
      for (int64_t k = 0; k < width; ++k)
        y.f32[(b * kinds + i) * width + k] =
            float(poolColumn(&x.f32[b * length * width + k], count, width, poolings[i]));
  }
  return y;
}

} // namespace lmopt::lm::reference
