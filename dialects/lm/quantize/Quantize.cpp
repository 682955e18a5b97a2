// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.narrow, lm.rotate, lm.quantize_dynamic, lm.quantize_groups: numbered constraints, builders that infer result
// types, folds. Tested by test/dialects/lm/quantize and test/unit/dialects/BuildersTest.cpp.

#include "dialects/lm/quantize/Quantize.h"

#include "dialects/lm/Verify.h"

using namespace mlir;
using namespace lmopt::lm;

#define GET_OP_CLASSES
#include "dialects/lm/quantize/Quantize.cpp.inc"

//===- Constraints -----------------------------------------------------------------------------------------------===//

LogicalResult NarrowOp::verify() {
  RankedTensorType input = getInput().getType(), result = getType();
  if (!leadingSizesAgree(input, result) || input.getDimSize(2) != result.getDimSize(2))
    return emitOpError("C1: the result ") << result << " does not have the shape of the input " << input;
  return success();
}

LogicalResult RotateOp::verify() {
  int64_t block = getBlock();
  if (!isRotationBlock(block))
    return emitOpError("C1: expected a block that is a power of two from 2 to 65536, but found ") << block;
  if (widthOf(getInput()) % block != 0)
    return emitOpError("C2: block ") << block << " does not divide the width " << widthOf(getInput());
  return success();
}

/// C1 of both quantizations.
static LogicalResult verifyCodes(Operation *op, RankedTensorType input, CodesType codes) {
  if (leadingSizesAgree(input, codes) && input.getDimSize(2) == codes.getDimSize(2))
    return success();
  return op->emitOpError("C1: codes ") << codes << " do not have the shape of the input " << input;
}

LogicalResult QuantizeDynamicOp::verify() { return verifyCodes(*this, getInput().getType(), getCodes().getType()); }

LogicalResult QuantizeGroupsOp::verify() { return verifyCodes(*this, getInput().getType(), getCodes().getType()); }

//===- Builders --------------------------------------------------------------------------------------------------===//

void NarrowOp::build(OpBuilder &builder, OperationState &state, Value input) {
  build(builder, state, cast<RankedTensorType>(input.getType()).clone(builder.getBF16Type()), input);
}

void RotateOp::build(OpBuilder &builder, OperationState &state, Value input, int64_t block) {
  build(builder, state, input.getType(), input, builder.getI64IntegerAttr(block));
}

void QuantizeDynamicOp::build(OpBuilder &builder, OperationState &state, Value input) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(input.getType()).getShape();
  build(builder, state, CodesType::get(builder.getContext(), shape, /*isSigned=*/false, /*group=*/0), input);
}

void QuantizeGroupsOp::build(OpBuilder &builder, OperationState &state, Value input, int64_t group) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(input.getType()).getShape();
  build(builder, state, CodesType::get(builder.getContext(), shape, /*isSigned=*/true, group), input);
}

//===- Folds -----------------------------------------------------------------------------------------------------===//

// (x H) H = x.
OpFoldResult RotateOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<RotateOp>();
  return inner && inner.getBlock() == getBlock() ? inner.getInput() : Value();
}
