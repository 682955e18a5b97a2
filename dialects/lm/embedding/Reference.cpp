// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.embedding and lm.add_positions; see Reference.h.

#include "dialects/lm/embedding/Reference.h"

#include "dialects/lm/quantize/Reference.h"

#include <string>

namespace lmopt::lm::reference {

// y[b, t, :] = table[ids[b, t], :]      (times H when the table is stored rotated)
Result<Tensor> embedding(const Tensor &ids, const Weight &table, int64_t rotatedBlock) {
  Tensor y = Tensor::ofF32({ids.size(0), ids.size(1), table.columns});
  float *row = y.f32.data();
  for (int32_t id : ids.i32) {
    if (id < 0 || id >= table.rows)
      return malformed("expected token ids from 0 to " + std::to_string(table.rows - 1) + ", but found " +
                       std::to_string(id));
    for (int64_t k = 0; k < table.columns; ++k)
      row[k] = table.at(id, k);
    if (rotatedBlock > 0)
      rotateVector(row, table.columns, rotatedBlock);
    row += table.columns;
  }
  return y;
}

// y[b, t, :] = x[b, t, :] + table[before + t, :]
Result<Tensor> addPositions(Tensor x, const Weight &table, int64_t before) {
  if (before + x.size(1) > table.rows)
    return malformed("expected a sequence of at most " + std::to_string(table.rows) + " positions, but found " +
                     std::to_string(before + x.size(1)));
  float *row = x.f32.data();
  for (int64_t b = 0; b < x.size(0); ++b)
    for (int64_t t = 0; t < x.size(1); ++t, row += x.width())
      for (int64_t k = 0; k < x.width(); ++k)
        row[k] += table.at(before + t, k);
  return x;
}

} // namespace lmopt::lm::reference
