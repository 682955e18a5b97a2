// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Build.h.

#include "dialects/lm/Build.h"

using namespace mlir;
using namespace lmopt::lm;

FlatSymbolRefAttr lmopt::lm::refTo(ParamOp param) {
  return param ? FlatSymbolRefAttr::get(param) : FlatSymbolRefAttr();
}

RankedTensorType lmopt::lm::withWidth(Value value, int64_t width) {
  auto type = cast<ShapedType>(value.getType());
  SmallVector<int64_t> shape = llvm::to_vector(type.getShape());
  shape.back() = width;
  return RankedTensorType::get(shape, Float32Type::get(type.getContext()));
}
