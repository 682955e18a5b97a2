// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The linears: numbered constraints, builders that infer result types.
// Tested by test/dialects/lm/linear and test/unit/dialects/BuildersTest.cpp.

#include "dialects/lm/linear/Linear.h"

#include "dialects/lm/Build.h"
#include "dialects/lm/Verify.h"

using namespace mlir;
using namespace lmopt::lm;

#define GET_OP_CLASSES
#include "dialects/lm/linear/Linear.cpp.inc"

//===- Constraints -----------------------------------------------------------------------------------------------===//

/// C2, C3 and C4 of all.
static LogicalResult verifyWeights(LinearLikeOpInterface op, SymbolTableCollection &tables, ParamOp weight) {
  int64_t width = widthOf(op->getResult(0));
  if (failed(verifyMatrix(op, weight, widthOf(op.getInput()), width)))
    return failure();
  return verifyVector(op, tables, op.getBiasAttr(), width, "C4");
}

/// C5 of all.
static LogicalResult verifySizes(LinearLikeOpInterface op) {
  auto input = cast<ShapedType>(op.getInput().getType()), result = cast<ShapedType>(op->getResult(0).getType());
  if (input.getRank() != result.getRank() || !leadingSizesAgree(input, result, input.getRank() - 1))
    return op->emitOpError("C5: input ") << Type(input) << " and result " << Type(result) << " disagree";
  return success();
}

LogicalResult LinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  FailureOr<ParamOp> weight = expectF32Param(*this, tables, getWeightAttr(), 2, "C1");
  return failed(weight) ? failure() : verifyWeights(*this, tables, *weight);
}

LogicalResult LinearOp::verify() { return verifySizes(*this); }

LogicalResult NarrowLinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  ParamOp weight = lookupParam(tables, *this, getWeightAttr());
  auto type = weight ? dyn_cast<RankedTensorType>(weight.getType()) : RankedTensorType();
  if (!type || !type.getElementType().isBF16())
    return emitOpError("C1: ") << getWeightAttr() << " must be a lm.param that is a matrix of bf16";
  return verifyWeights(*this, tables, weight);
}

LogicalResult NarrowLinearOp::verify() { return verifySizes(*this); }

LogicalResult QuantizedLinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  ParamOp weight = lookupParam(tables, *this, getWeightAttr());
  if (!weight || !isa<Int8Type, SparseInt8Type>(weight.getType()))
    return emitOpError("C1: ") << getWeightAttr() << " must be a lm.param of type !lm.int8 or !lm.sparse_int8";
  return verifyWeights(*this, tables, weight);
}

LogicalResult QuantizedLinearOp::verify() {
  if (failed(verifySizes(*this)))
    return failure();
  if (int64_t width = widthOf(getInput()); width > 65536)
    return emitOpError("C6: expected a width of at most 65536, so that int32 sums cannot overflow, but found ")
           << width;
  return success();
}

LogicalResult GroupedLinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  ParamOp weight = lookupParam(tables, *this, getWeightAttr());
  int64_t weightGroup = weight ? integerGroup(weight.getType()) : 0;
  if (weightGroup == 0)
    return emitOpError("C1: ") << getWeightAttr()
                               << " must be a lm.param of type !lm.grouped or !lm.codebook with groups";
  if (failed(verifyWeights(*this, tables, weight)))
    return failure();
  if (int64_t group = getInput().getType().getGroup(); weightGroup != group)
    return emitOpError("C6: activations are in groups of ")
           << group << ", but the weight is in groups of " << weightGroup;
  if (weightGroup > 65536)
    return emitOpError("C7: expected groups of at most 65536 numbers, so that int32 sums cannot overflow, but found ")
           << weightGroup;
  return success();
}

LogicalResult GroupedLinearOp::verify() { return verifySizes(*this); }

LogicalResult CodebookLinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  ParamOp weight = lookupParam(tables, *this, getWeightAttr());
  auto type = weight ? dyn_cast<CodebookType>(weight.getType()) : CodebookType();
  if (!type || type.isGrouped())
    return emitOpError("C1: ") << getWeightAttr() << " must be a lm.param of type !lm.codebook without groups";
  return verifyWeights(*this, tables, weight);
}

LogicalResult CodebookLinearOp::verify() { return verifySizes(*this); }

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

void QuantizedLinearOp::build(OpBuilder &builder, OperationState &state, Value input, ParamOp weight,
                              FlatSymbolRefAttr bias) {
  build(builder, state, withWidth(input, weight.getShape().front()), input, refTo(weight), bias);
}

void GroupedLinearOp::build(OpBuilder &builder, OperationState &state, Value input, ParamOp weight,
                            FlatSymbolRefAttr bias) {
  build(builder, state, withWidth(input, weight.getShape().front()), input, refTo(weight), bias);
}

void CodebookLinearOp::build(OpBuilder &builder, OperationState &state, Value input, ParamOp weight,
                             FlatSymbolRefAttr bias) {
  build(builder, state, withWidth(input, weight.getShape().front()), input, refTo(weight), bias);
}
