// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.narrow, lm.rotate, lm.quantize_dynamic, lm.quantize_groups, lm.fake_quantize, lm.quantize_static: numbered
// constraints, builders that infer result types, folds. Tested by test/dialects/lm/quantize and
// test/unit/dialects/BuildersTest.cpp.

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

/// C1 of all quantizations.
static LogicalResult verifyCodes(Operation *op, RankedTensorType input, CodesType codes) {
  if (leadingSizesAgree(input, codes) && input.getDimSize(2) == codes.getDimSize(2))
    return success();
  return op->emitOpError("C1: codes ") << codes << " do not have the shape of the input " << input;
}

LogicalResult QuantizeDynamicOp::verify() { return verifyCodes(*this, getInput().getType(), getCodes().getType()); }

LogicalResult QuantizeGroupsOp::verify() { return verifyCodes(*this, getInput().getType(), getCodes().getType()); }

LogicalResult QuantizeStaticOp::verify() { return verifyCodes(*this, getInput().getType(), getCodes().getType()); }

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

void QuantizeStaticOp::build(OpBuilder &builder, OperationState &state, Value input, CodeRangeAttr range) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(input.getType()).getShape();
  build(builder, state, CodesType::get(builder.getContext(), shape, /*isSigned=*/false, /*group=*/0), input, range);
}

//===- Folds -----------------------------------------------------------------------------------------------------===//

// (x H) H = x.
OpFoldResult RotateOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<RotateOp>();
  return inner && inner.getBlock() == getBlock() ? inner.getInput() : Value();
}

/// What was read where `value` is made of the same codes; null otherwise. (code - zero) * step * factor is within two
/// roundings of f32 of an integer of at most 255, so that these are its codes again.
static Value beforeSameCodes(Value value, CodeRangeAttr range) {
  auto made = value.getDefiningOp<FakeQuantizeOp>();
  return made && made.getCodes() == range ? made.getInput() : Value();
}

OpFoldResult FakeQuantizeOp::fold(FoldAdaptor) {
  return beforeSameCodes(getInput(), getCodes()) ? getInput() : Value();
}

OpFoldResult QuantizeStaticOp::fold(FoldAdaptor) {
  Value before = beforeSameCodes(getInput(), getRange());
  if (!before)
    return {};
  getInputMutable().assign(before);
  return getResult();
}
