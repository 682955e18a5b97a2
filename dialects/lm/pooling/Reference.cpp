// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.pool; see Reference.h.

#include "dialects/lm/pooling/Reference.h"

#include <algorithm>

namespace lmopt::lm::reference {

/// One number of the pooled vector, from the `count` >= 1 numbers x[0], x[stride], ...
static double poolColumn(const float *x, int64_t count, int64_t stride, Pooling pooling) {
  if (pooling == Pooling::Cls)
    return x[0];
  if (pooling == Pooling::Last)
    return x[(count - 1) * stride];
  double sum = 0, largest = x[0];
  for (int64_t t = 0; t < count; ++t) {
    sum += x[t * stride];
    largest = std::max(largest, double(x[t * stride]));
  }
  return pooling == Pooling::Mean ? sum / double(count) : largest;
}

Tensor pool(const Tensor &x, const Tensor &lengths, Pooling pooling) {
  const int64_t length = x.size(1), width = x.width();
  Tensor y = Tensor::ofF32({x.size(0), width});
  for (int64_t b = 0; b < x.size(0); ++b) {
    int64_t count = std::clamp<int64_t>(lengths.i32[b], 0, length);
    for (int64_t k = 0; k < width && count > 0; ++k)
      y.f32[b * width + k] = float(poolColumn(&x.f32[b * length * width + k], count, width, pooling));
  }
  return y;
}

} // namespace lmopt::lm::reference
