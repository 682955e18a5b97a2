// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.top_linear, lm.class_logits, lm.top_class_linear, lm.preview_linear,
// lm.tree_logits, lm.tree_score: numbered constraints. Tested by
// test/dialects/lm/ranking.

#include "dialects/lm/ranking/Ranking.h"

#include "dialects/lm/Verify.h"

using namespace mlir;
using namespace lmopt::lm;

#define GET_OP_CLASSES
#include "dialects/lm/ranking/Ranking.cpp.inc"

/// C1 to C4: numbers as those of the input, of the sizes of the product.
template <class Op>
static FailureOr<ParamOp> verifyProduct(Op op, SymbolTableCollection &tables) {
  ParamOp weight = lookupParam(tables, op, op.getWeightAttr());
  auto type = weight ? dyn_cast<RankedTensorType>(weight.getType()) : RankedTensorType();
  Type element = cast<ShapedType>(op.getInput().getType()).getElementType();
  if (!type || type.getRank() != 2 || type.getElementType() != element)
    return op.emitOpError("C1: ") << op.getWeightAttr() << " must be a lm.param that is a matrix of " << element;
  int64_t width = widthOf(op.getResult());
  if (failed(verifyMatrix(op, weight, widthOf(op.getInput()), width)) ||
      failed(verifyVector(op, tables, op.getBiasAttr(), width, "C4")))
    return failure();
  return weight;
}

LogicalResult TopLinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  FailureOr<ParamOp> verified = verifyProduct(*this, tables);
  if (failed(verified))
    return failure();
  ParamOp weight = *verified;
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
  if (!leadingSizesAgree(products, scores) || !leadingSizesAgree(products, cast<ShapedType>(getType())))
    return emitOpError("C1: products ") << Type(products) << ", scores " << Type(scores) << " and result " << getType()
                                        << " disagree";
  if (int64_t words = getClasses().getWords().size(); words != widthOf(getResult()))
    return emitOpError("C2: the classes have ") << words << " words, but the result has width " << widthOf(getResult());
  if (int64_t classes = getClasses().getSizes().size(); classes != widthOf(getScores()))
    return emitOpError("C3: there are ") << classes << " classes, but the scores have width " << widthOf(getScores());
  if (int64_t sharing = getClasses().getSharing(); sharing != widthOf(getProducts()))
    return emitOpError("C1: ") << sharing << " words share their class with another, but the products have width "
                               << widthOf(getProducts());
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

/// C1 to C4 of ops that make some results of a product: `rows` and what they are.
template <class Op>
static LogicalResult verifyRows(Op op, SymbolTableCollection &tables, int64_t rows, StringRef what) {
  ParamOp weight = lookupParam(tables, op, op.getWeightAttr());
  if (!weight || !goesWith(weight.getType(), op.getInput().getType()))
    return op.emitOpError("C1: ") << op.getWeightAttr() << " must be a lm.param in the format that goes with "
                                  << op.getInput().getType();
  SmallVector<int64_t> shape = weight.getShape();
  if (shape[1] != widthOf(op.getInput()))
    return op.emitOpError("C2: ") << op.getWeightAttr() << " has " << shape[1] << " columns, but the input has width "
                                  << widthOf(op.getInput());
  if (shape[0] != rows)
    return op.emitOpError("C3: ") << op.getWeightAttr() << " has " << shape[0] << " rows, but " << rows << " " << what;
  return verifyVector(op, tables, op.getBiasAttr(), rows, "C4");
}

LogicalResult TopClassLinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyRows(*this, tables, getClasses().getSharing(), "words share their class with another");
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

//===- Previews ---------------------------------------------------------------------------------------------------===//

LogicalResult PreviewLinearOp::verifySymbolUses(SymbolTableCollection &tables) { return verifyProduct(*this, tables); }

LogicalResult PreviewLinearOp::verify() {
  auto input = cast<ShapedType>(getInput().getType()), preview = cast<ShapedType>(getPreview().getType());
  if (!leadingSizesAgree(input, preview) || !leadingSizesAgree(input, cast<ShapedType>(getType())) ||
      widthOf(getPreview()) != widthOf(getResult()))
    return emitOpError("C5: input ") << Type(input) << ", preview " << Type(preview) << " and result " << getType()
                                     << " disagree";
  if (getCount() < 1 || int64_t(getCount()) > widthOf(getResult()))
    return emitOpError("C6: expected a count from 1 to ") << widthOf(getResult()) << ", but found " << getCount();
  return success();
}

//===- By a tree --------------------------------------------------------------------------------------------------===//

LogicalResult TreeLogitsOp::verify() {
  auto scores = cast<ShapedType>(getScores().getType());
  if (!leadingSizesAgree(scores, cast<ShapedType>(getType())))
    return emitOpError("C1: scores ") << Type(scores) << " and result " << getType() << " disagree";
  if (int64_t nodes = getTree().getNodes(); nodes != widthOf(getScores()))
    return emitOpError("C2: the tree has ") << nodes << " nodes, but the scores have width " << widthOf(getScores());
  if (int64_t words = getTree().getWords(); words != widthOf(getResult()))
    return emitOpError("C3: the tree has ") << words << " words, but the result has width " << widthOf(getResult());
  return success();
}

LogicalResult TreeScoreOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyRows(*this, tables, getTree().getNodes(), "nodes are in the tree");
}

LogicalResult TreeScoreOp::verify() {
  auto input = cast<ShapedType>(getInput().getType()), targets = cast<ShapedType>(getTargets().getType());
  if (!leadingSizesAgree(input, targets) || !leadingSizesAgree(input, cast<ShapedType>(getType())) ||
      widthOf(getResult()) != 1)
    return emitOpError("C5: input ") << Type(input) << ", targets " << Type(targets) << " and result " << getType()
                                     << " disagree, or the result is wider than 1";
  return success();
}
