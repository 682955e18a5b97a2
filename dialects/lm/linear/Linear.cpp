// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The four linears: numbered constraints, builders that infer result types.
// Tested by test/dialects/lm/linear and test/unit/dialects/BuildersTest.cpp.

#include "dialects/lm/linear/Linear.h"

#include "dialects/lm/Build.h"
#include "dialects/lm/Verify.h"

using namespace mlir;
using namespace lmopt::lm;

#define GET_OP_CLASSES
#include "dialects/lm/linear/Linear.cpp.inc"

//===- Constraints -----------------------------------------------------------------------------------------------===//

LogicalResult LinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  FailureOr<ParamOp> weight = expectF32Param(*this, tables, getWeightAttr(), 2, "C1");
  if (failed(weight) || failed(verifyMatrix(*this, *weight, widthOf(getInput()), widthOf(getResult()))))
    return failure();
  return verifyVector(*this, tables, getBiasAttr(), widthOf(getResult()), "C4");
}

LogicalResult LinearOp::verify() {
  RankedTensorType input = getInput().getType();
  if (input.getRank() != getType().getRank() || !leadingSizesAgree(input, getType(), input.getRank() - 1))
    return emitOpError("C5: input ") << getInput().getType() << " and result " << getType() << " disagree";
  return success();
}

LogicalResult NarrowLinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  ParamOp weight = lookupParam(tables, *this, getWeightAttr());
  if (!weight || !weight.isBf16())
    return emitOpError("C1: ") << getWeightAttr() << " must be a lm.param that is a matrix of bf16";
  if (failed(verifyMatrix(*this, weight, widthOf(getInput()), widthOf(getResult()))))
    return failure();
  return verifyVector(*this, tables, getBiasAttr(), widthOf(getResult()), "C4");
}

LogicalResult NarrowLinearOp::verify() {
  if (!leadingSizesAgree(getInput().getType(), getType()))
    return emitOpError("C5: input ") << getInput().getType() << " and result " << getType() << " disagree";
  return success();
}

LogicalResult QuantizedLinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  ParamOp weight = lookupParam(tables, *this, getWeightAttr());
  if (!weight || !weight.isInt8())
    return emitOpError("C1: ") << getWeightAttr() << " must be a lm.param of type !lm.int8";
  if (failed(verifyMatrix(*this, weight, widthOf(getCodes()), widthOf(getResult()))) ||
      failed(verifyVector(*this, tables, getBiasAttr(), widthOf(getResult()), "C4")))
    return failure();
  return success();
}

LogicalResult QuantizedLinearOp::verify() {
  RankedTensorType codes = getCodes().getType(), scale = getScale().getType(), zero = getZero().getType();
  if (!leadingSizesAgree(codes, getType()) || !leadingSizesAgree(codes, scale) || !leadingSizesAgree(codes, zero))
    return emitOpError("C5: the shapes of codes, scale, zero and result disagree: ")
           << codes << ", " << scale << ", " << zero << ", " << getType();
  if (codes.getDimSize(2) > 65536)
    return emitOpError("C6: expected a width of at most 65536, so that int32 sums cannot overflow, but found ")
           << codes.getDimSize(2);
  return success();
}

LogicalResult GroupedLinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  ParamOp weight = lookupParam(tables, *this, getWeightAttr());
  if (!weight || !weight.isGrouped())
    return emitOpError("C1: ") << getWeightAttr() << " must be a lm.param of type !lm.grouped";
  if (failed(verifyMatrix(*this, weight, widthOf(getCodes()), widthOf(getResult()))) ||
      failed(verifyVector(*this, tables, getBiasAttr(), widthOf(getResult()), "C4")))
    return failure();
  auto type = cast<GroupedType>(weight.getType());
  if (type.getGroupsPerRow() != widthOf(getScale()))
    return emitOpError("C6: activations have ")
           << widthOf(getScale()) << " groups, but the weight has " << type.getGroupsPerRow();
  if (type.getGroup() > 65536)
    return emitOpError("C7: expected groups of at most 65536 numbers, so that int32 sums cannot overflow, but found ")
           << type.getGroup();
  return success();
}

LogicalResult GroupedLinearOp::verify() {
  RankedTensorType codes = getCodes().getType(), scale = getScale().getType();
  if (!leadingSizesAgree(codes, getType()) || !leadingSizesAgree(codes, scale))
    return emitOpError("C5: the shapes of codes, scale and result disagree: ")
           << codes << ", " << scale << ", " << getType();
  return success();
}

//===- Builders --------------------------------------------------------------------------------------------------===//

void LinearOp::build(OpBuilder &builder, OperationState &state, Value input, ParamOp weight, ParamOp bias) {
  build(builder, state, withWidth(input, weight.getShape().front()), input, refTo(weight), refTo(bias));
}

void LinearOp::build(OpBuilder &builder, OperationState &state, Value input, ParamOp weight) {
  build(builder, state, input, weight, ParamOp());
}

void NarrowLinearOp::build(OpBuilder &builder, OperationState &state, Value input, ParamOp weight,
                           FlatSymbolRefAttr bias) {
  build(builder, state, withWidth(input, weight.getShape().front()), input, refTo(weight), bias);
}

void QuantizedLinearOp::build(OpBuilder &builder, OperationState &state, Value codes, Value scale, Value zero,
                              ParamOp weight, FlatSymbolRefAttr bias) {
  build(builder, state, withWidth(codes, weight.getShape().front()), codes, scale, zero, refTo(weight), bias);
}

void GroupedLinearOp::build(OpBuilder &builder, OperationState &state, Value codes, Value scale, ParamOp weight,
                            FlatSymbolRefAttr bias) {
  build(builder, state, withWidth(codes, weight.getShape().front()), codes, scale, refTo(weight), bias);
}
