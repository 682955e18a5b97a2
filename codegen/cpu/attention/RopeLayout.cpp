// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tables of turns, computed; see RopeLayout.h.
#include "codegen/cpu/attention/RopeLayout.h"

#include <cmath>

namespace lmopt::cpu {

// cos and sin of low = 0 .. 63 and of high * 64; the attention factor goes into the low table only, since every turn is
// a product of one low and one high entry (cos of a sum is linear in the low pair).
static void packTable(const RopeTable &table, const lm::RopeFrequencies &rope, int64_t begin, std::vector<char> &out) {
  int64_t rowFloats = table.rowBytes() / 4, high = table.highRows(), low = RopeTable::kLow;
  auto fill = [&](int64_t firstRow, int64_t rows, double stride, double factor) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t d = 0; d < table.halfDims; ++d) {
        double angle = r * stride * rope.frequencies[d];
        floatsAt(out, begin)[(firstRow + r) * rowFloats + d] = factor * std::cos(angle);
        floatsAt(out, begin)[(firstRow + rows + r) * rowFloats + d] = factor * std::sin(angle);
      }
  };
  // The factor belongs to query and key each, as the dialect says.
  fill(0, low, 1, rope.attentionFactor);
  fill(2 * low, high, low, 1);
}

// The tables of short sequences, and of long ones where they differ.
void RopeLayout::pack(llvm::ArrayRef<lm::WeightData>, std::vector<char> &out) const {
  const int64_t lengths[] = {table.switchPositions, table.positions};
  for (int64_t i = 0; i < table.tables(); ++i)
    packTable(table, lm::computeRopeFrequencies(rope, lengths[i]), i * table.oneTableBytes(), out);
}

} // namespace lmopt::cpu
