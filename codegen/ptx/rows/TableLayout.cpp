// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of floats (#ptx.table). Tested by test/codegen/ptx/layouts.mlir and all models compiled for GPUs.
#include "codegen/ptx/Ptx.h"
#include "codegen/ptx/Rows.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::nvptx {

LogicalResult TableAttr::verify(function_ref<InFlightDiagnostic()> emitError, RankedTensorType table) {
  if (table.hasStaticShape() && (table.getRank() == 1 || table.getRank() == 2) && table.getElementType().isF32() &&
      table.getNumElements() > 0)
    return success();
  return emitError() << "C1: expected a vector or a matrix of f32, but found " << table;
}

int64_t TableAttr::getBytes() const {
  int64_t columns = getTable().getShape().back();
  return getTable().getNumElements() / columns * rowBytes(columns, 4);
}

std::string TableAttr::describe() const { return getTable().getRank() == 1 ? "f32 vector" : "f32 rows"; }

void TableAttr::pack(ArrayRef<lm::WeightData> params, std::vector<char> &out) const {
  int64_t columns = getTable().getShape().back();
  const float *from = params[0].f32.data();
  for (char *to = out.data(); to != out.data() + out.size(); to += rowBytes(columns, 4), from += columns)
    std::copy_n(from, columns, reinterpret_cast<float *>(to));
}

} // namespace lmopt::nvptx
