// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.attention: numbered constraints, builders that infer result types.
// Tested by test/dialects/lm/attention and test/unit/dialects/BuildersTest.cpp.

#include "dialects/lm/attention/Attention.h"

#include "dialects/lm/Build.h"
#include "dialects/lm/Verify.h"

using namespace mlir;
using namespace lmopt::lm;

#define GET_OP_CLASSES
#include "dialects/lm/attention/Attention.cpp.inc"

//===- Constraints -----------------------------------------------------------------------------------------------===//

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

//===- Builders --------------------------------------------------------------------------------------------------===//

void AttentionOp::build(OpBuilder &builder, OperationState &state, Value query, Value key, Value value, Value cache,
                        Value lengths, int64_t layer, int64_t heads, int64_t kvHeads, double scale, Attribute mask,
                        RopeAttr rope) {
  int64_t valueWidth = cast<RankedTensorType>(value.getType()).getShape().back() / kvHeads;
  build(builder, state, withWidth(query, heads * valueWidth), cache ? cache.getType() : Type(), query, key, value,
        cache, lengths, builder.getI64IntegerAttr(layer), builder.getI64IntegerAttr(heads),
        builder.getI64IntegerAttr(kvHeads), builder.getF64FloatAttr(scale), mask, rope, /*element=*/TypeAttr());
}
