// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.top_linear, lm.class_logits, lm.top_class_linear: numbered constraints. Tested by test/dialects/lm/ranking.

#include "dialects/lm/ranking/Ranking.h"

#include "dialects/lm/Verify.h"

using namespace mlir;
using namespace lmopt::lm;

#define GET_OP_CLASSES
#include "dialects/lm/ranking/Ranking.cpp.inc"

LogicalResult TopLinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  ParamOp weight = lookupParam(tables, *this, getWeightAttr());
  auto type = weight ? dyn_cast<RankedTensorType>(weight.getType()) : RankedTensorType();
  Type element = cast<ShapedType>(getInput().getType()).getElementType();
  if (!type || type.getRank() != 2 || type.getElementType() != element)
    return emitOpError("C1: ") << getWeightAttr() << " must be a lm.param that is a matrix of " << element;
  int64_t width = widthOf(getResult());
  if (failed(verifyMatrix(*this, weight, widthOf(getInput()), width)) ||
      failed(verifyVector(*this, tables, getBiasAttr(), width, "C4")))
    return failure();
  ParamOp preview = lookupParam(tables, *this, getPreviewWeightAttr());
  if (!preview || !isa<Int8Type>(preview.getType()) || preview.getShape() != weight.getShape())
    return emitOpError("C6: ") << getPreviewWeightAttr() << " must be a lm.param of type !lm.int8 with the sizes of "
                               << getWeightAttr();
  return success();
}

LogicalResult TopLinearOp::verify() {
  auto input = cast<ShapedType>(getInput().getType());
  for (Value value : {Value(getPreview()), Value(getRotated()), Value(getCodes()), Value(getResult())}) {
    bool wide = value == getPreview() || value == getResult();
    if (!leadingSizesAgree(input, cast<ShapedType>(value.getType())) ||
        widthOf(value) != (wide ? widthOf(getResult()) : input.getShape().back()))
      return emitOpError("C5: input ") << Type(input) << ", result " << getType() << " and " << value.getType()
                                       << " disagree";
  }
  if (getCount() < 1 || int64_t(getCount()) > widthOf(getResult()))
    return emitOpError("C7: expected a count from 1 to ") << widthOf(getResult()) << ", but found " << getCount();
  int64_t block = getBlock();
  if (block && (!isRotationBlock(block) || input.getShape().back() % block))
    return emitOpError("C8: expected a block that is a power of two from 2 to 65536 and divides ")
           << input.getShape().back() << ", but found " << block;
  return success();
}

//===- By classes ------------------------------------------------------------------------------------------------===//

LogicalResult ClassLogitsOp::verify() {
  auto products = cast<ShapedType>(getProducts().getType()), scores = cast<ShapedType>(getScores().getType());
  if (!leadingSizesAgree(products, scores) || !leadingSizesAgree(products, cast<ShapedType>(getType())) ||
      widthOf(getProducts()) != widthOf(getResult()))
    return emitOpError("C1: products ") << Type(products) << ", scores " << Type(scores) << " and result " << getType()
                                        << " disagree";
  if (int64_t words = getClasses().getWords().size(); words != widthOf(getResult()))
    return emitOpError("C2: the classes have ") << words << " words, but the result has width " << widthOf(getResult());
  if (int64_t classes = getClasses().getSizes().size(); classes != widthOf(getScores()))
    return emitOpError("C3: there are ") << classes << " classes, but the scores have width " << widthOf(getScores());
  return success();
}

/// C1: the format that products with such an input read.
static bool goesWith(Type weight, Type input) {
  auto codes = dyn_cast<CodesType>(input);
  if (codes && codes.getIsSigned())
    return integerGroup(weight) == codes.getGroup();
  if (codes)
    return isa<Int8Type>(weight);
  auto matrix = dyn_cast<RankedTensorType>(weight);
  return matrix && matrix.getRank() == 2 && matrix.getElementType() == cast<ShapedType>(input).getElementType();
}

LogicalResult TopClassLinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  ParamOp weight = lookupParam(tables, *this, getWeightAttr());
  if (!weight || !goesWith(weight.getType(), getInput().getType()))
    return emitOpError("C1: ") << getWeightAttr() << " must be a lm.param in the format that goes with "
                               << getInput().getType();
  int64_t width = widthOf(getResult());
  if (failed(verifyMatrix(*this, weight, widthOf(getInput()), width)))
    return failure();
  return verifyVector(*this, tables, getBiasAttr(), width, "C4");
}

LogicalResult TopClassLinearOp::verify() {
  auto input = cast<ShapedType>(getInput().getType()), scores = cast<ShapedType>(getScores().getType());
  if (!leadingSizesAgree(input, scores) || !leadingSizesAgree(input, cast<ShapedType>(getType())))
    return emitOpError("C5: input ") << Type(input) << ", scores " << Type(scores) << " and result " << getType()
                                     << " disagree";
  int64_t words = getClasses().getWords().size(), classes = getClasses().getSizes().size(),
          width = widthOf(getResult());
  if (words != width || classes != widthOf(getScores()))
    return emitOpError("C6: there are ") << classes << " classes of " << words << " words, but the scores have width "
                                         << widthOf(getScores()) << " and the result " << width;
  if (getCount() < 1 || int64_t(getCount()) > width)
    return emitOpError("C7: expected a count from 1 to ") << width << ", but found " << getCount();
  return success();
}
