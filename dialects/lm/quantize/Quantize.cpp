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

LogicalResult QuantizeDynamicOp::verify() {
  RankedTensorType input = getInput().getType();
  RankedTensorType codes = getCodes().getType();
  if (!leadingSizesAgree(input, codes) || codes.getDimSize(2) != input.getDimSize(2))
    return emitOpError("C1: codes ") << codes << " do not have the shape of the input " << input;
  for (Value value : {Value(getScale()), Value(getZero())})
    if (auto type = cast<RankedTensorType>(value.getType()); !leadingSizesAgree(input, type))
      return emitOpError("C2: scale and zero must have the shape batch x sequence of the input ")
             << input << ", but one is " << type;
  return success();
}

LogicalResult QuantizeGroupsOp::verify() {
  RankedTensorType input = getInput().getType(), codes = getCodes().getType(), scale = getScale().getType();
  int64_t width = input.getDimSize(2), group = getGroup();
  if (group <= 0 || width % group != 0)
    return emitOpError("C1: expected a positive group that divides the width ") << width << ", but found " << group;
  if (!leadingSizesAgree(input, codes) || codes.getDimSize(2) != width)
    return emitOpError("C2: codes ") << codes << " do not have the shape of the input " << input;
  if (!leadingSizesAgree(input, scale) || scale.getDimSize(2) != width / group)
    return emitOpError("C3: scale must have the shape batch x sequence x ") << width / group << ", but is " << scale;
  return success();
}

//===- Builders --------------------------------------------------------------------------------------------------===//

void NarrowOp::build(OpBuilder &builder, OperationState &state, Value input) {
  build(builder, state, cast<RankedTensorType>(input.getType()).clone(builder.getBF16Type()), input);
}

void RotateOp::build(OpBuilder &builder, OperationState &state, Value input, int64_t block) {
  build(builder, state, input.getType(), input, builder.getI64IntegerAttr(block));
}

void QuantizeDynamicOp::build(OpBuilder &builder, OperationState &state, Value input) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(input.getType()).getShape();
  Type codes = RankedTensorType::get(shape, builder.getIntegerType(8, /*isSigned=*/false));
  Type scale = RankedTensorType::get(shape.drop_back(), builder.getF32Type());
  Type zero = RankedTensorType::get(shape.drop_back(), builder.getI32Type());
  build(builder, state, TypeRange{codes, scale, zero}, input);
}

void QuantizeGroupsOp::build(OpBuilder &builder, OperationState &state, Value input, int64_t group) {
  auto type = cast<RankedTensorType>(input.getType());
  Type codes = type.clone(builder.getIntegerType(8, /*isSigned=*/true));
  SmallVector<int64_t> groups = llvm::to_vector(type.getShape());
  groups.back() /= group;
  build(builder, state, TypeRange{codes, type.clone(groups)}, input, builder.getI64IntegerAttr(group));
}

//===- Folds -----------------------------------------------------------------------------------------------------===//

// (x H) H = x.
OpFoldResult RotateOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<RotateOp>();
  return inner && inner.getBlock() == getBlock() ? inner.getInput() : Value();
}
