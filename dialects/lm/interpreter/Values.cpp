// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Values.h.

#include "dialects/lm/interpreter/Values.h"

namespace lmopt::lm::reference {

int64_t Tensor::rows() const {
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < shape.size(); ++i)
    rows *= shape[i];
  return rows;
}

Tensor Tensor::ofF32(std::vector<int64_t> shape) {
  Tensor tensor;
  tensor.shape = std::move(shape);
  tensor.f32.resize(size_t(tensor.rows() * tensor.width()));
  return tensor;
}

} // namespace lmopt::lm::reference
