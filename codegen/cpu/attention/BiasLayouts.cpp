// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What biases of positions read: slopes (#cpu.slopes) and numbers for each distance (#cpu.distances), whose picture is
// DistanceRows' in AttentionSpec.h. Tested by test/codegen/cpu/layouts.mlir and test/unit/codegen/PackWeightsTest.cpp.
#include "codegen/Slopes.h"
#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/attention/AttentionSpec.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::cpu {

int64_t SlopesAttr::getBytes() const { return floatRowBytes(getAlibi().getSlopes().size()); }
std::string SlopesAttr::describe() const { return kSlopesText; }

void SlopesAttr::pack(ArrayRef<lm::WeightData>, std::vector<char> &out) const { packSlopes(getAlibi(), out); }

static DistanceRows rowsOf(RankedTensorType table) { return {table.getDimSize(1) / 2}; }

LogicalResult DistancesAttr::verify(function_ref<InFlightDiagnostic()> emitError, RankedTensorType table) {
  if (table.hasStaticShape() && table.getRank() == 2 && table.getElementType().isF32() && table.getDimSize(0) > 0 &&
      table.getDimSize(1) % 2 == 1)
    return success();
  return emitError() << "C1: expected a matrix of f32 with an odd number of columns, but found " << table;
}

int64_t DistancesAttr::getBytes() const { return getTable().getDimSize(0) * rowsOf(getTable()).bytes(); }
std::string DistancesAttr::describe() const { return "f32 distances"; }

void DistancesAttr::pack(ArrayRef<lm::WeightData> params, std::vector<char> &out) const {
  DistanceRows rows = rowsOf(getTable());
  const int64_t columns = rows.columns();
  for (int64_t head = 0; head < getTable().getDimSize(0); ++head) {
    const float *from = params[0].f32.data() + head * columns;
    float *to = reinterpret_cast<float *>(out.data() + head * rows.bytes());
    for (int64_t i = 0; i < rows.bytes() / 4; ++i)
      to[i] = from[std::clamp<int64_t>(i - kLanes, 0, columns - 1)];
  }
}

} // namespace lmopt::cpu
