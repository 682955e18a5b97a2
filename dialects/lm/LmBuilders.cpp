// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builders that infer result types, and the small helpers of Lm.h (looking up params, naming locations).
// Tested by test/unit/dialects/BuildersTest.cpp and by every importer.

#include "dialects/lm/Lm.h"

using namespace mlir;
using namespace lmopt::lm;

ParamOp lmopt::lm::lookupParam(Operation *user, FlatSymbolRefAttr symbol) {
  return symbol ? SymbolTable::lookupNearestSymbolFrom<ParamOp>(user, symbol) : ParamOp();
}

ParamOp lmopt::lm::lookupParam(SymbolTableCollection &tables, Operation *user, FlatSymbolRefAttr symbol) {
  return symbol ? tables.lookupNearestSymbolFrom<ParamOp>(user, symbol) : ParamOp();
}

Location lmopt::lm::nameLocation(OpBuilder &builder, StringRef name) {
  return NameLoc::get(builder.getStringAttr(name), builder.getUnknownLoc());
}

static FlatSymbolRefAttr refTo(ParamOp param) { return param ? FlatSymbolRefAttr::get(param) : FlatSymbolRefAttr(); }

static RankedTensorType withWidth(Value value, int64_t width) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape = llvm::to_vector(type.getShape());
  shape.back() = width;
  return RankedTensorType::get(shape, Float32Type::get(type.getContext()));
}

void ParamOp::build(OpBuilder &builder, OperationState &state, StringRef name, Type type, Attribute value,
                    ExactnessAttr exactness) {
  Properties &properties = state.getOrAddProperties<Properties>();
  properties.sym_name = builder.getStringAttr(name);
  properties.type = TypeAttr::get(type);
  properties.value = value;
  properties.exactness = exactness;
}

void EmbeddingOp::build(OpBuilder &builder, OperationState &state, Value ids, ParamOp table) {
  SmallVector<int64_t> shape = llvm::to_vector(cast<RankedTensorType>(ids.getType()).getShape());
  shape.push_back(table.getShape().back());
  build(builder, state, RankedTensorType::get(shape, builder.getF32Type()), ids, refTo(table), IntegerAttr());
}

void AddPositionsOp::build(OpBuilder &builder, OperationState &state, Value input, ParamOp table) {
  build(builder, state, input.getType(), input, refTo(table));
}

void LinearOp::build(OpBuilder &builder, OperationState &state, Value input, ParamOp weight, ParamOp bias) {
  build(builder, state, withWidth(input, weight.getShape().front()), input, refTo(weight), refTo(bias));
}

void LinearOp::build(OpBuilder &builder, OperationState &state, Value input, ParamOp weight) {
  build(builder, state, input, weight, ParamOp());
}

void NarrowOp::build(OpBuilder &builder, OperationState &state, Value input) {
  build(builder, state, cast<RankedTensorType>(input.getType()).clone(builder.getBF16Type()), input);
}

void NarrowLinearOp::build(OpBuilder &builder, OperationState &state, Value input, ParamOp weight,
                           FlatSymbolRefAttr bias) {
  build(builder, state, withWidth(input, weight.getShape().front()), input, refTo(weight), bias);
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

void QuantizedLinearOp::build(OpBuilder &builder, OperationState &state, Value codes, Value scale, Value zero,
                              ParamOp weight, FlatSymbolRefAttr bias) {
  build(builder, state, withWidth(codes, weight.getShape().front()), codes, scale, zero, refTo(weight), bias);
}

void QuantizeGroupsOp::build(OpBuilder &builder, OperationState &state, Value input, int64_t group) {
  auto type = cast<RankedTensorType>(input.getType());
  Type codes = type.clone(builder.getIntegerType(8, /*isSigned=*/true));
  SmallVector<int64_t> groups = llvm::to_vector(type.getShape());
  groups.back() /= group;
  build(builder, state, TypeRange{codes, type.clone(groups)}, input, builder.getI64IntegerAttr(group));
}

void GroupedLinearOp::build(OpBuilder &builder, OperationState &state, Value codes, Value scale, ParamOp weight,
                            FlatSymbolRefAttr bias) {
  build(builder, state, withWidth(codes, weight.getShape().front()), codes, scale, refTo(weight), bias);
}

void RmsNormOp::build(OpBuilder &builder, OperationState &state, Value input, FlatSymbolRefAttr weight, double eps) {
  build(builder, state, input.getType(), input, weight, builder.getF64FloatAttr(eps));
}

void LayerNormOp::build(OpBuilder &builder, OperationState &state, Value input, FlatSymbolRefAttr weight,
                        FlatSymbolRefAttr bias, double eps) {
  build(builder, state, input.getType(), input, weight, bias, builder.getF64FloatAttr(eps));
}

void AttentionOp::build(OpBuilder &builder, OperationState &state, Value query, Value key, Value value, Value cache,
                        Value lengths, int64_t layer, int64_t heads, int64_t kvHeads, double scale, Attribute mask,
                        RopeAttr rope) {
  int64_t valueWidth = cast<RankedTensorType>(value.getType()).getShape().back() / kvHeads;
  build(builder, state, withWidth(query, heads * valueWidth), cache ? cache.getType() : Type(), query, key, value,
        cache, lengths, builder.getI64IntegerAttr(layer), builder.getI64IntegerAttr(heads),
        builder.getI64IntegerAttr(kvHeads), builder.getF64FloatAttr(scale), mask, rope, /*element=*/TypeAttr());
}

void BiasAddOp::build(OpBuilder &builder, OperationState &state, Value input, ParamOp vector) {
  build(builder, state, input.getType(), input, refTo(vector));
}

void PoolOp::build(OpBuilder &builder, OperationState &state, Value input, Value lengths, PoolKind kind) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(input.getType()).getShape();
  build(builder, state, RankedTensorType::get({shape[0], shape[2]}, builder.getF32Type()), input, lengths, kind);
}
