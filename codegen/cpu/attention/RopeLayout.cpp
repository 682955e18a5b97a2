// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of turns that rope needs, computed (#cpu.rope); the picture is RopeTable's in AttentionSpec.h.
// Tested by test/unit/codegen/PackWeightsTest.cpp.
#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/attention/AttentionModel.h"

#include <cmath>

using namespace mlir;

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

RopeTable ropeTable(RopeTableAttr layout) {
  return {static_cast<int64_t>(layout.getRope().getDims()) / 2, layout.getPositions(), layout.getSwitchPositions()};
}

LogicalResult RopeTableAttr::verify(function_ref<InFlightDiagnostic()> emitError, lm::RopeAttr, int64_t positions,
                                    int64_t switchPositions) {
  if (positions > 0 && positions <= int64_t(1) << 31 && switchPositions >= 0 && switchPositions < positions)
    return success();
  return emitError() << "C1: expected 1 to 2^31 positions and a switch below, but found " << positions << " and "
                     << switchPositions;
}

int64_t RopeTableAttr::getBytes() const { return ropeTable(*this).bytes(); }
std::string RopeTableAttr::describe() const { return "f32 cos and sin"; }

// The tables of short sequences, and of long ones where they differ.
void RopeTableAttr::pack(ArrayRef<lm::WeightData>, std::vector<char> &out) const {
  RopeTable table = ropeTable(*this);
  const int64_t lengths[] = {table.switchPositions, table.positions};
  for (int64_t i = 0; i < table.tables(); ++i)
    packTable(table, lm::computeRopeFrequencies(getRope(), lengths[i]), i * table.oneTableBytes(), out);
}

} // namespace lmopt::cpu
