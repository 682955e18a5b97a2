// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of floats; see RowsLayout.h.
#include "codegen/cpu/rows/RowsLayout.h"

#include <algorithm>

namespace lmopt::cpu {

void RowsLayout::pack(llvm::ArrayRef<lm::WeightData> params, std::vector<char> &out) const {
  const float *from = params[0].f32.data();
  for (int64_t r = 0; r < rows; ++r)
    std::copy_n(from + r * columns, columns, floatsAt(out, r * floatRowBytes(columns)));
}

} // namespace lmopt::cpu
