// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The numbered constraints of the ops, except lm.param (LmOps.cpp). verify() checks what the op alone shows,
// verifySymbolUses() what needs the params that it names.
// Tested by test/dialects/lm/*-invalid.mlir, one function for each number.

#include "dialects/lm/Lm.h"

using namespace mlir;
using namespace lmopt::lm;

//===- Shared ----------------------------------------------------------------------------------------------------===//

static bool compatible(int64_t a, int64_t b) { return a == b || ShapedType::isDynamic(a) || ShapedType::isDynamic(b); }

/// The first `count` sizes (batch, sequence) agree as far as they are known.
static bool leadingSizesAgree(ShapedType a, ShapedType b, unsigned count = 2) {
  for (unsigned i = 0; i < count; ++i)
    if (!compatible(a.getDimSize(i), b.getDimSize(i)))
      return false;
  return true;
}

static int64_t widthOf(Value value) { return cast<ShapedType>(value.getType()).getShape().back(); }

static bool isRotationBlock(int64_t block) { return block >= 2 && block <= 65536 && (block & (block - 1)) == 0; }

/// The f32 param of rank `rank` that `symbol` names; an error with the number of the constraint otherwise.
static FailureOr<ParamOp> expectF32Param(Operation *op, SymbolTableCollection &tables, FlatSymbolRefAttr symbol,
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

/// An optional vector of `width` numbers (weights of norms, biases).
static LogicalResult verifyVector(Operation *op, SymbolTableCollection &tables, FlatSymbolRefAttr symbol, int64_t width,
                                  StringRef constraint) {
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

/// A matrix against the widths around it: columns = input (C2), rows = result (C3).
static LogicalResult verifyMatrix(Operation *op, ParamOp weight, int64_t inputWidth, int64_t resultWidth) {
  SmallVector<int64_t> shape = weight.getShape();
  if (shape[1] != inputWidth)
    return op->emitOpError() << "C2: @" << weight.getSymName() << " has " << shape[1]
                             << " columns, but the input has width " << inputWidth;
  if (shape[0] != resultWidth)
    return op->emitOpError() << "C3: @" << weight.getSymName() << " has " << shape[0]
                             << " rows, but the result has width " << resultWidth;
  return success();
}

static LogicalResult verifyEps(Operation *op, APFloat eps, StringRef constraint) {
  if (!eps.isFinite() || eps.isNegative())
    return op->emitOpError() << constraint << ": expected a finite eps >= 0, but found " << eps.convertToDouble();
  return success();
}

//===- Embedding -------------------------------------------------------------------------------------------------===//

LogicalResult EmbeddingOp::verifySymbolUses(SymbolTableCollection &tables) {
  ParamOp table = lookupParam(tables, *this, getTableAttr());
  if (!table || table.getShape().size() != 2)
    return emitOpError("C1: ") << getTableAttr() << " must be a lm.param that is a matrix";
  if (table.getShape()[1] != widthOf(getResult()))
    return emitOpError("C2: ") << getTableAttr() << " has " << table.getShape()[1]
                               << " columns, but the result has width " << widthOf(getResult());
  return success();
}

LogicalResult EmbeddingOp::verify() {
  if (!leadingSizesAgree(getIds().getType(), getType()))
    return emitOpError("C3: ids ") << getIds().getType() << " and result " << getType() << " disagree";
  if (std::optional<uint64_t> block = getRotated())
    if (!isRotationBlock(*block) || widthOf(getResult()) % int64_t(*block) != 0)
      return emitOpError("C4: expected rotated to be a power of two from 2 to 65536 that divides the width ")
             << widthOf(getResult()) << ", but found " << int64_t(*block);
  return success();
}

LogicalResult AddPositionsOp::verifySymbolUses(SymbolTableCollection &tables) {
  FailureOr<ParamOp> table = expectF32Param(*this, tables, getTableAttr(), 2, "C1");
  if (failed(table))
    return failure();
  SmallVector<int64_t> shape = (*table).getShape();
  if (shape[1] != widthOf(getInput()))
    return emitOpError("C2: ") << getTableAttr() << " has " << shape[1] << " columns, but the input has width "
                               << widthOf(getInput());
  if (getType().getDimSize(1) > shape[0])
    return emitOpError("C3: a sequence of ")
           << getType().getDimSize(1) << " is longer than the " << shape[0] << " positions of " << getTableAttr();
  return success();
}

//===- Linear ----------------------------------------------------------------------------------------------------===//

LogicalResult LinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  FailureOr<ParamOp> weight = expectF32Param(*this, tables, getWeightAttr(), 2, "C1");
  if (failed(weight) || failed(verifyMatrix(*this, *weight, widthOf(getInput()), widthOf(getResult()))))
    return failure();
  return verifyVector(*this, tables, getBiasAttr(), widthOf(getResult()), "C4");
}

LogicalResult LinearOp::verify() {
  if (!leadingSizesAgree(getInput().getType(), getType()))
    return emitOpError("C5: input ") << getInput().getType() << " and result " << getType() << " disagree";
  return success();
}

LogicalResult NarrowOp::verify() {
  RankedTensorType input = getInput().getType(), result = getType();
  if (!leadingSizesAgree(input, result) || input.getDimSize(2) != result.getDimSize(2))
    return emitOpError("C1: the result ") << result << " does not have the shape of the input " << input;
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

//===- Norms -----------------------------------------------------------------------------------------------------===//

LogicalResult RmsNormOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyVector(*this, tables, getWeightAttr(), widthOf(getInput()), "C1");
}

LogicalResult RmsNormOp::verify() { return verifyEps(*this, getEps(), "C2"); }

LogicalResult LayerNormOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (failed(verifyVector(*this, tables, getWeightAttr(), widthOf(getInput()), "C1")))
    return failure();
  return verifyVector(*this, tables, getBiasAttr(), widthOf(getInput()), "C2");
}

LogicalResult LayerNormOp::verify() {
  if (getBiasAttr() && !getWeightAttr())
    return emitOpError("C2: a bias needs a weight");
  return verifyEps(*this, getEps(), "C3");
}

//===- Elementwise and pooling -----------------------------------------------------------------------------------===//

LogicalResult BiasAddOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyVector(*this, tables, getVectorAttr(), widthOf(getInput()), "C1");
}

LogicalResult GatedProductOp::verify() {
  if (getKind() == ActivationKind::tanh)
    return emitOpError("C1: expected gelu, gelu_tanh, silu or relu, but found tanh");
  return success();
}

LogicalResult PoolOp::verify() {
  RankedTensorType input = getInput().getType();
  if (widthOf(getResult()) != widthOf(getInput()))
    return emitOpError("C1: the input has width ")
           << widthOf(getInput()) << ", but the result " << widthOf(getResult());
  if (!leadingSizesAgree(input, getLengths().getType(), 1) || !leadingSizesAgree(input, getType(), 1))
    return emitOpError("C2: the batch sizes of ")
           << input << ", " << getLengths().getType() << " and " << getType() << " disagree";
  return success();
}

//===- Attention -------------------------------------------------------------------------------------------------===//

static LogicalResult verifyForm(AttentionOp op) {
  if (bool(op.getCache()) == bool(op.getLengths()) || bool(op.getCache()) != bool(op.getNextCache()))
    return op.emitOpError("C1: expected a cache among operands and results (decoder) or lengths (encoder)");
  if (op.getCache() && !op.getCache().hasOneUse())
    return op.emitOpError("C10: the cache is used more than once");
  if (op.getCache() && !op.isCausal())
    return op.emitOpError("C11: with a cache the mask must be #lm.causal, but is ") << op.getMask();
  return success();
}

static LogicalResult verifyHeads(AttentionOp op) {
  int64_t heads = op.getHeads(), kvHeads = op.getKvHeads();
  int64_t query = widthOf(op.getQuery()), key = widthOf(op.getKey()), value = widthOf(op.getValue());
  if (heads <= 0 || query % heads != 0)
    return op.emitOpError("C2: ") << heads << " heads do not divide the query width " << query;
  if (kvHeads <= 0 || heads % kvHeads != 0 || key % kvHeads != 0 || value % kvHeads != 0)
    return op.emitOpError("C3: ") << kvHeads << " kv_heads do not divide the " << heads << " heads and the widths "
                                  << key << " of key and " << value << " of value";
  if (query / heads != key / kvHeads)
    return op.emitOpError("C4: a head of the query has width ")
           << query / heads << ", one of the key " << key / kvHeads;
  if (widthOf(op.getResult()) != heads * (value / kvHeads))
    return op.emitOpError("C5: expected a result of width ")
           << heads * (value / kvHeads) << ", but found " << widthOf(op.getResult());
  if (op.getRope() && op.getRope()->getDims() > query / heads)
    return op.emitOpError("C8: rope turns ") << op.getRope()->getDims() << " numbers, but a head has " << query / heads;
  return success();
}

static LogicalResult verifySizes(AttentionOp op) {
  RankedTensorType query = op.getQuery().getType();
  for (Value value : {Value(op.getKey()), Value(op.getValue()), Value(op.getResult())})
    if (!leadingSizesAgree(query, cast<ShapedType>(value.getType())))
      return op.emitOpError("C6: batch and sequence of ") << query << " and " << value.getType() << " disagree";
  if (op.getLengths() && !leadingSizesAgree(query, cast<ShapedType>(op.getLengths().getType()), 1))
    return op.emitOpError("C6: the batch of ") << query << " and " << op.getLengths().getType() << " disagree";
  return success();
}

LogicalResult AttentionOp::verify() {
  if (failed(verifyForm(*this)) || failed(verifyHeads(*this)) || failed(verifySizes(*this)))
    return failure();
  int64_t layer = getLayer();
  if (layer < 0 || layer > 65535)
    return emitOpError("C7: expected a layer from 0 to 65535, but found ") << layer;
  if (!getScale().isFinite())
    return emitOpError("C9: expected a finite scale, but found ") << getScale().convertToDouble();
  if (getElement() && !getElement()->isF32() && !isBf16() && !isInt8())
    return emitOpError("C12: expected f32, bf16 or i8 behind `as`, but found ") << *getElement();
  if (isInt8() && std::max(getHeadWidth(), getValueWidth()) > 512)
    return emitOpError("C12: i8 needs heads of at most 512, but found ") << std::max(getHeadWidth(), getValueWidth());
  if (isBf16() && getHeadWidth() % 2 != 0)
    return emitOpError("C12: bf16 needs heads of even width, but found ") << getHeadWidth();
  return success();
}
