// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Verify.h.

#include "dialects/lm/Verify.h"

using namespace mlir;
using namespace lmopt::lm;

static bool compatible(int64_t a, int64_t b) { return a == b || ShapedType::isDynamic(a) || ShapedType::isDynamic(b); }

bool lmopt::lm::leadingSizesAgree(ShapedType a, ShapedType b, unsigned count) {
  for (unsigned i = 0; i < count; ++i)
    if (!compatible(a.getDimSize(i), b.getDimSize(i)))
      return false;
  return true;
}

int64_t lmopt::lm::widthOf(Value value) { return cast<ShapedType>(value.getType()).getShape().back(); }

LogicalResult lmopt::lm::verifyCap(Operation *op, const APFloat &cap, StringRef constraint) {
  if (!cap.isFinite() || cap.isZero() || cap.isNegative())
    return op->emitOpError(constraint) << ": expected a finite cap > 0, but found " << cap.convertToDouble();
  return success();
}

bool lmopt::lm::isRotationBlock(int64_t block) { return block >= 2 && block <= 65536 && (block & (block - 1)) == 0; }

FailureOr<ParamOp> lmopt::lm::expectF32Param(Operation *op, SymbolTableCollection &tables, FlatSymbolRefAttr symbol,
                                             int64_t rank, StringRef constraint) {
  ParamOp param = lookupParam(tables, op, symbol);
  if (!param)
    return op->emitOpError() << constraint << ": there is no lm.param " << symbol;
  auto tensor = dyn_cast<RankedTensorType>(param.getType());
  if (!tensor || tensor.getRank() != rank || !tensor.getElementType().isF32())
    return op->emitOpError() << constraint << ": " << symbol << " must be an f32 " << (rank == 1 ? "vector" : "matrix")
                             << ", but is " << param.getType();
  return param;
}

LogicalResult lmopt::lm::verifyVector(Operation *op, SymbolTableCollection &tables, FlatSymbolRefAttr symbol,
                                      int64_t width, StringRef constraint) {
  if (!symbol)
    return success();
  FailureOr<ParamOp> param = expectF32Param(op, tables, symbol, 1, constraint);
  if (failed(param))
    return failure();
  if ((*param).getShape().front() != width)
    return op->emitOpError() << constraint << ": " << symbol << " must have " << width << " numbers, but has "
                             << (*param).getShape().front();
  return success();
}

LogicalResult lmopt::lm::verifyMatrix(Operation *op, ParamOp weight, int64_t inputWidth, int64_t resultWidth) {
  SmallVector<int64_t> shape = weight.getShape();
  if (shape[1] != inputWidth)
    return op->emitOpError() << "C2: @" << weight.getSymName() << " has " << shape[1]
                             << " columns, but the input has width " << inputWidth;
  if (shape[0] != resultWidth)
    return op->emitOpError() << "C3: @" << weight.getSymName() << " has " << shape[0]
                             << " rows, but the result has width " << resultWidth;
  return success();
}
