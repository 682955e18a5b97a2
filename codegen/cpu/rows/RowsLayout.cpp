// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of floats (#cpu.rows). Tested by test/unit/codegen/PackWeightsTest.cpp.
#include "codegen/cpu/Cpu.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::cpu {

static int64_t columnsOf(RankedTensorType table) { return table.getShape().back(); }

LogicalResult RowsAttr::verify(function_ref<InFlightDiagnostic()> emitError, RankedTensorType table) {
  if (table.hasStaticShape() && (table.getRank() == 1 || table.getRank() == 2) && table.getElementType().isF32() &&
      table.getNumElements() > 0)
    return success();
  return emitError() << "C1: expected a vector or a matrix of f32, but found " << table;
}

int64_t RowsAttr::getBytes() const {
  int64_t columns = columnsOf(getTable());
  return getTable().getNumElements() / columns * floatRowBytes(columns);
}

std::string RowsAttr::describe() const { return getTable().getRank() == 1 ? "f32 vector" : "f32 rows"; }

void RowsAttr::pack(ArrayRef<lm::WeightData> params, std::vector<char> &out) const {
  int64_t columns = columnsOf(getTable());
  const float *from = params[0].f32.data();
  for (char *to = out.data(); to != out.data() + out.size(); to += floatRowBytes(columns), from += columns)
    std::copy_n(from, columns, reinterpret_cast<float *>(to));
}

} // namespace lmopt::cpu
