// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.attention and its halves: numbered constraints, builders that infer result types.
// Tested by test/dialects/lm/attention and test/unit/dialects/BuildersTest.cpp.

#include "dialects/lm/attention/Attention.h"

#include "dialects/lm/Build.h"
#include "dialects/lm/PartNames.h"
#include "dialects/lm/Verify.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lmopt::lm;

#define GET_OP_CLASSES
#include "dialects/lm/attention/Attention.cpp.inc"

//===- Constraints of several ------------------------------------------------------------------------------------===//

/// Rows may be appended in place: whoever else uses the cache only reads it, and reads this layer before.
static bool mayAppendInPlace(Operation *op, Value cache, IntegerAttr layer) {
  return llvm::all_of(cache.getUsers(), [&](Operation *user) {
    auto reader = dyn_cast<AttendOp>(user);
    bool readsLater =
        reader && reader.getLayerAttr() == layer && user->getBlock() == op->getBlock() && op->isBeforeInBlock(user);
    return user == op || (reader && !readsLater);
  });
}

static LogicalResult verifyLayer(Operation *op, int64_t layer, StringRef constraint) {
  if (layer < 0 || layer > 65535)
    return op->emitOpError(constraint) << ": expected a layer from 0 to 65535, but found " << layer;
  return success();
}

static LogicalResult verifyRope(Operation *op, RopeAttr rope, int64_t headWidth, StringRef constraint) {
  if (rope && rope.getDims() > headWidth)
    return op->emitOpError(constraint) << ": rope turns " << rope.getDims() << " numbers, but a head has " << headWidth;
  return success();
}

static LogicalResult verifyScale(Operation *op, const APFloat &scale, StringRef constraint) {
  if (!scale.isFinite())
    return op->emitOpError(constraint) << ": expected a finite scale, but found " << scale.convertToDouble();
  return success();
}

template <typename Op>
static LogicalResult verifyGroups(Op op, StringRef constraint) {
  std::optional<ArrayRef<int64_t>> groups = op.getGroups();
  int64_t rest = op.getHeads(); // subtracted from, so that no sum overflows
  for (int64_t size : groups.value_or(ArrayRef<int64_t>())) {
    if (size < 1 || size > rest)
      return op.emitOpError(constraint) << ": groups must be positive and at most the " << op.getHeads()
                                        << " heads together, but one has " << size;
    rest -= size;
  }
  if (groups && (int64_t(groups->size()) != int64_t(op.getKvHeads()) || rest != 0))
    return op.emitOpError(constraint) << ": expected groups for " << op.getKvHeads() << " kv_heads with "
                                      << op.getHeads() << " heads together, but found " << groups->size() << " with "
                                      << int64_t(op.getHeads()) - rest;
  return success();
}

template <typename Op>
static LogicalResult verifyElement(Op op, StringRef constraint) {
  const int64_t widest = std::max(op.getHeadWidth(), op.getValueWidth());
  if (op.getElement() && !op.getElement()->isF32() && !op.isBf16() && !op.isInt8())
    return op.emitOpError(constraint) << ": expected f32, bf16 or i8 behind `as`, but found " << *op.getElement();
  if (op.isInt8() && widest > 512)
    return op.emitOpError(constraint) << ": i8 needs heads of at most 512, but found " << widest;
  if (op.isBf16() && op.getHeadWidth() % 2 != 0)
    return op.emitOpError(constraint) << ": bf16 needs heads of even width, but found " << op.getHeadWidth();
  return success();
}

/// Batch and sequence of `first` and `others`, the batch of `lengths` if there are any.
static LogicalResult verifySizes(Operation *op, Value first, ArrayRef<Value> others, Value lengths,
                                 StringRef constraint) {
  auto type = cast<ShapedType>(first.getType());
  for (Value value : others)
    if (!leadingSizesAgree(type, cast<ShapedType>(value.getType())))
      return op->emitOpError(constraint) << ": batch and sequence of " << type << " and " << value.getType()
                                         << " disagree";
  if (lengths && !leadingSizesAgree(type, cast<ShapedType>(lengths.getType()), 1))
    return op->emitOpError(constraint) << ": the batch of " << type << " and " << lengths.getType() << " disagree";
  return success();
}

/// Which keys there are must not depend on the query, and rows of other positions become one.
template <typename Op>
static LogicalResult verifyProjection(Op op, StringRef constraint) {
  if (op.getProjection() && (!op.getLengths() || op.getRope()))
    return op.emitOpError(constraint) << ": expected project with lengths and without rope, the keys of an encoder";
  return success();
}

template <typename Op>
static LogicalResult verifyMatrices(Op op, StringRef constraint) {
  ProjectionAttr projection = op.getProjectionAttr();
  FlatSymbolRefAttr keys = op.getKeyProjectionAttr(), values = op.getValueProjectionAttr();
  const bool isLearned = projection && projection.isLearned();
  if (bool(keys) != isLearned || bool(values) != isLearned)
    return op.emitOpError(constraint) << ": expected `by` and the two matrices with a learned projection only";
  return success();
}

/// C15 and C16, or C10 and C11.
template <typename Op>
static LogicalResult verifyMatrixShapes(Op op, SymbolTableCollection &tables, StringRef shapes, StringRef length) {
  int64_t columns = -1;
  for (FlatSymbolRefAttr symbol : {op.getKeyProjectionAttr(), op.getValueProjectionAttr()}) {
    if (!symbol)
      return success();
    FailureOr<ParamOp> matrix = expectF32Param(op, tables, symbol, 2, shapes);
    if (failed(matrix))
      return failure();
    SmallVector<int64_t> shape = (*matrix).getShape();
    const int64_t rank = op.getProjectionAttr().getRank();
    if (shape[0] != rank || (columns >= 0 && shape[1] != columns))
      return op.emitOpError(shapes) << ": " << symbol << " is " << shape[0] << "x" << shape[1] << ", but expected "
                                    << rank << " rows" << (columns >= 0 ? " and as many columns as the other" : "");
    columns = shape[1];
    if (op.getKey().getType().getDimSize(1) > columns)
      return op.emitOpError(length) << ": a sequence of " << op.getKey().getType().getDimSize(1)
                                    << " is longer than the " << columns << " columns of " << symbol;
  }
  return success();
}

template <typename Op>
static LogicalResult verifySlopes(Op op, StringRef constraint, StringRef withProjection) {
  if (op.getPositionBias() && op.getProjection())
    return op.emitOpError(withProjection) << ": rows of a projection have no position that a bias could be of";
  AlibiAttr alibi = op.getAlibi();
  if (alibi && alibi.getSlopes().size() != op.getHeads())
    return op.emitOpError(constraint) << ": expected a slope for each of " << op.getHeads() << " heads, but found "
                                      << alibi.getSlopes().size();
  return success();
}

template <typename Op>
static LogicalResult verifyDistanceTable(Op op, SymbolTableCollection &tables, StringRef constraint) {
  FlatSymbolRefAttr symbol = op.getDistanceTable();
  if (!symbol)
    return success();
  FailureOr<ParamOp> table = expectF32Param(op, tables, symbol, 2, constraint);
  if (failed(table))
    return failure();
  SmallVector<int64_t> shape = (*table).getShape();
  if (shape[0] == int64_t(op.getHeads()) && shape[1] % 2 == 1)
    return success();
  return op.emitOpError(constraint) << ": expected " << op.getHeads() << " rows and an odd number of columns, one for "
                                    << "each distance from -D to D, but " << symbol << " is " << shape[0] << "x"
                                    << shape[1];
}

//===- Constraints of lm.attention -------------------------------------------------------------------------------===//

static LogicalResult verifyForm(AttentionOp op) {
  if (bool(op.getCache()) == bool(op.getLengths()) || bool(op.getCache()) != bool(op.getNextCache()))
    return op.emitOpError("C1: expected a cache among operands and results (decoder) or lengths (encoder)");
  if (op.getCache() && !mayAppendInPlace(op, op.getCache(), op.getLayerAttr()))
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
  bool isUneven = kvHeads > 0 && heads % kvHeads != 0 && !op.getGroups();
  if (kvHeads <= 0 || isUneven || key % kvHeads != 0 || value % kvHeads != 0)
    return op.emitOpError("C3: ") << kvHeads << " kv_heads do not divide the " << heads << " heads and the widths "
                                  << key << " of key and " << value << " of value";
  if (query / heads != key / kvHeads)
    return op.emitOpError("C4: a head of the query has width ")
           << query / heads << ", one of the key " << key / kvHeads;
  if (widthOf(op.getResult()) != heads * (value / kvHeads))
    return op.emitOpError("C5: expected a result of width ")
           << heads * (value / kvHeads) << ", but found " << widthOf(op.getResult());
  return success();
}

LogicalResult AttentionOp::verify() {
  if (failed(verifyForm(*this)) || failed(verifyHeads(*this)))
    return failure();
  if (failed(verifyRope(*this, getRopeAttr(), getHeadWidth(), "C8")) ||
      failed(verifySizes(*this, getQuery(), {getKey(), getValue(), getResult()}, getLengths(), "C6")))
    return failure();
  if (failed(verifyLayer(*this, getLayer(), "C7")) || failed(verifyScale(*this, getScale(), "C9")))
    return failure();
  if (failed(verifyElement(*this, "C12")) || failed(verifyProjection(*this, "C14")) ||
      failed(verifyMatrices(*this, "C15")))
    return failure();
  if (getProjection() && (isCausal() || getWindow()))
    return emitOpError("C14: with project the mask must be #lm.full, but is ") << getMask();
  if (std::optional<APFloat> cap = getSoftCap(); cap && failed(verifyCap(*this, *cap, "C17")))
    return failure();
  if (failed(verifySlopes(*this, "C18", "C19")))
    return failure();
  return verifyGroups(*this, "C13");
}

LogicalResult AttentionOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (failed(verifyDistanceTable(*this, tables, "C18")))
    return failure();
  return verifyMatrixShapes(*this, tables, "C15", "C16");
}

//===- Constraints of its halves ---------------------------------------------------------------------------------===//

/// The op that made the cache, if `user` may ask it: one that stands before it has been verified before it.
static Operation *makerBefore(Operation *user, Value cache) {
  Operation *maker = cache.getDefiningOp();
  return maker && maker->getBlock() == user->getBlock() && maker->isBeforeInBlock(user) ? maker : nullptr;
}

static LogicalResult verifyForm(CacheAppendOp op) {
  if (bool(op.getCache()) == bool(op.getLengths()))
    return op.emitOpError("C1: expected either a cache (decoder) or lengths (encoder)");
  if (!op.getCache())
    return success();
  if (!mayAppendInPlace(op, op.getCache(), op.getLayerAttr()))
    return op.emitOpError("C7: the cache is used by another op than lm.attend, or read later");
  auto maker = dyn_cast_or_null<CacheAppendOp>(makerBefore(op, op.getCache()));
  if (maker && maker.getLengths())
    return op.emitOpError("C8: the cache was made of lengths, so no rows can follow");
  return success();
}

LogicalResult CacheAppendOp::verify() {
  if (failed(verifyForm(*this)))
    return failure();
  int64_t kvHeads = getKvHeads(), key = widthOf(getKey()), value = widthOf(getValue());
  if (kvHeads <= 0 || key % kvHeads != 0 || value % kvHeads != 0)
    return emitOpError("C2: ") << kvHeads << " kv_heads do not divide the widths " << key << " of key and " << value
                               << " of value";
  if (failed(verifySizes(*this, getKey(), {getValue()}, getLengths(), "C3")) ||
      failed(verifyLayer(*this, getLayer(), "C4")) || failed(verifyRope(*this, getRopeAttr(), getHeadWidth(), "C5")))
    return failure();
  if (failed(verifyElement(*this, "C6")) || failed(verifyProjection(*this, "C9")))
    return failure();
  return verifyMatrices(*this, "C10");
}

LogicalResult CacheAppendOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyMatrixShapes(*this, tables, "C10", "C11");
}

static LogicalResult verifyHeads(AttendOp op) {
  int64_t heads = op.getHeads(), kvHeads = op.getKvHeads();
  int64_t query = widthOf(op.getQuery()), result = widthOf(op.getResult());
  if (heads <= 0 || query % heads != 0 || result % heads != 0)
    return op.emitOpError("C1: ") << heads << " heads do not divide the widths " << query << " of query and " << result
                                  << " of result";
  if (kvHeads <= 0 || (heads % kvHeads != 0 && !op.getGroups()))
    return op.emitOpError("C2: ") << kvHeads << " kv_heads do not divide the " << heads << " heads";
  return success();
}

/// What the reader of a cache has to know about its writer, beside widths.
template <typename Op>
static auto howKept(Op op) {
  return std::make_tuple(op.getLayerAttr(), op.getKvHeadsAttr(), op.getRopeAttr(), op.getElementAttr(),
                         op.getProjectionAttr());
}

/// `maker` is what appended to the cache: lm.cache_append or lm.attention.
template <typename Maker>
static LogicalResult verifyMaker(AttendOp op, Maker maker) {
  auto tell = [&](InFlightDiagnostic error) {
    error.attachNote(maker.getLoc()) << "the cache is made here";
    return error;
  };
  if (howKept(op) != howKept(maker))
    return tell(
        op.emitOpError("C9: expected the layer, kv_heads, rope, project and `as` of the op that made the cache"));
  if (op.getHeadWidth() != maker.getHeadWidth() || op.getValueWidth() != maker.getValueWidth())
    return tell(op.emitOpError("C10: heads of the query and result have widths ")
                << op.getHeadWidth() << " and " << op.getValueWidth() << ", those of the keys and values "
                << maker.getHeadWidth() << " and " << maker.getValueWidth());
  if (op.getLengths() != maker.getLengths() ||
      !leadingSizesAgree(op.getQuery().getType(), maker.getKey().getType(), op.getLengths() ? 2 : 1))
    return tell(op.emitOpError("C11: expected the lengths and the batch of the op that made the cache"));
  return success();
}

LogicalResult AttendOp::verify() {
  if (failed(verifyHeads(*this)) || failed(verifySizes(*this, getQuery(), {getResult()}, getLengths(), "C3")))
    return failure();
  if (failed(verifyLayer(*this, getLayer(), "C4")) || failed(verifyRope(*this, getRopeAttr(), getHeadWidth(), "C5")) ||
      failed(verifyScale(*this, getScale(), "C6")))
    return failure();
  if (!getLengths() && !isCausal())
    return emitOpError("C7: without lengths the mask must be #lm.causal, but is ") << getMask();
  if (failed(verifyElement(*this, "C8")) || failed(verifyGroups(*this, "C12")) ||
      failed(verifyProjection(*this, "C13")))
    return failure();
  if (getProjection() && (isCausal() || getWindow()))
    return emitOpError("C13: with project the mask must be #lm.full, but is ") << getMask();
  if (std::optional<APFloat> cap = getSoftCap(); cap && failed(verifyCap(*this, *cap, "C14")))
    return failure();
  if (failed(verifySlopes(*this, "C15", "C16")))
    return failure();
  return TypeSwitch<Operation *, LogicalResult>(makerBefore(*this, getCache()))
      .Case<CacheAppendOp, AttentionOp>([&](auto maker) { return verifyMaker(*this, maker); })
      .Default(success());
}

LogicalResult AttendOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyDistanceTable(*this, tables, "C15");
}

CacheAppendOp AttendOp::getAppend() { return getCache().getDefiningOp<CacheAppendOp>(); }

//===- Builders --------------------------------------------------------------------------------------------------===//

void AttentionOp::build(OpBuilder &builder, OperationState &state, Value query, Value key, Value value, Value cache,
                        Value lengths, int64_t layer, int64_t heads, int64_t kvHeads, double scale, Attribute mask,
                        RopeAttr rope) {
  int64_t valueWidth = cast<RankedTensorType>(value.getType()).getShape().back() / kvHeads;
  build(builder, state, withWidth(query, heads * valueWidth), cache ? cache.getType() : Type(), query, key, value,
        cache, lengths, builder.getI64IntegerAttr(layer), builder.getI64IntegerAttr(heads),
        builder.getI64IntegerAttr(kvHeads), builder.getF64FloatAttr(scale), mask, rope, /*groups=*/DenseI64ArrayAttr(),
        /*element=*/TypeAttr(), /*projection=*/ProjectionAttr(), /*keyProjection=*/FlatSymbolRefAttr(),
        /*valueProjection=*/FlatSymbolRefAttr(), /*softCap=*/FloatAttr(), /*positionBias=*/Attribute());
}

void CacheAppendOp::build(OpBuilder &builder, OperationState &state, Value key, Value value, Value cache, Value lengths,
                          int64_t layer, int64_t kvHeads, RopeAttr rope, TypeAttr element) {
  build(builder, state, CacheType::get(builder.getContext()), key, value, cache, lengths,
        builder.getI64IntegerAttr(layer), builder.getI64IntegerAttr(kvHeads), rope, element, ProjectionAttr(),
        FlatSymbolRefAttr(), FlatSymbolRefAttr());
}

void AttendOp::build(OpBuilder &builder, OperationState &state, Value query, CacheAppendOp append, int64_t heads,
                     double scale, Attribute mask) {
  build(builder, state, withWidth(query, heads * append.getValueWidth()), query, append.getResult(),
        append.getLengths(), append.getLayerAttr(), builder.getI64IntegerAttr(heads), append.getKvHeadsAttr(),
        builder.getF64FloatAttr(scale), mask, append.getRopeAttr(), /*groups=*/DenseI64ArrayAttr(),
        append.getElementAttr(), append.getProjectionAttr(), /*softCap=*/FloatAttr(), /*positionBias=*/Attribute());
}

void AttentionOp::expand() {
  OpBuilder builder(*this);
  auto append = CacheAppendOp::create(builder, getLoc(), getKey(), getValue(), getCache(), getLengths(), getLayer(),
                                      getKvHeads(), getRopeAttr(), getElementAttr());
  append.setProjectionAttr(getProjectionAttr());
  append.setKeyProjectionAttr(getKeyProjectionAttr());
  append.setValueProjectionAttr(getValueProjectionAttr());
  auto attend =
      AttendOp::create(builder, getLoc(), getQuery(), append, getHeads(), getScale().convertToDouble(), getMask());
  attend.setGroupsAttr(getGroupsAttr());
  attend.setSoftCapAttr(getSoftCapAttr());
  attend.setPositionBiasAttr(getPositionBiasAttr());
  attend.getResult().setType(getResult().getType()); // batch and sequence may be known where the query's are not
  takePartName(append, *this);
  takePartName(attend, *this);
  getResult().replaceAllUsesWith(attend.getResult());
  if (getNextCache())
    getNextCache().replaceAllUsesWith(append.getResult());
  erase();
}
