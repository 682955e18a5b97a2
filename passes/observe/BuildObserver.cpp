// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A part of a model as a model that gives what its linears read; see Observe.h.
#include "passes/observe/Observe.h"

#include "dialects/lm/Lm.h"
#include "dialects/lm/PartNames.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace lmopt::lm {

/// Ids of rows of tokens; and a cache, or a length for each row.
static bool takesIds(func::FuncOp function) {
  if (function.getNumArguments() < 2)
    return false;
  auto ids = dyn_cast<RankedTensorType>(function.getArgument(0).getType());
  Type second = function.getArgument(1).getType();
  auto lengths = dyn_cast<RankedTensorType>(second);
  return ids && ids.getRank() == 2 && ids.getElementType().isInteger(32) &&
         (isa<CacheType>(second) || (lengths && lengths.getRank() == 1 && lengths.getElementType().isInteger(32)));
}

FailureOr<func::FuncOp> findModelFunction(ModuleOp module) {
  auto functions = module.getOps<func::FuncOp>();
  if (!llvm::hasSingleElement(functions) || (*functions.begin()).isExternal())
    return module.emitError("a model has one function with a body; this module has ")
           << llvm::count_if(functions, [](func::FuncOp f) { return !f.isExternal(); });
  func::FuncOp function = *functions.begin();
  if (!takesIds(function) || !function.getBody().hasOneBlock())
    return function.emitError(
               "a model takes (ids, cache) or (ids, lengths, ...) and has one block; this function has the "
               "type ")
           << function.getFunctionType();
  return function;
}

bool isDecoder(func::FuncOp function) { return isa<CacheType>(function.getArgument(1).getType()); }

Segment wholeSegment(func::FuncOp function) {
  Segment whole;
  for (Operation &op : function.getBody().front().without_terminator())
    whole.ops.push_back(&op);
  return whole;
}

namespace {

class ObserverBuilder {
public:
  ObserverBuilder(func::FuncOp function, const Segment &segment, const StoredRows &rows)
      : source(function), segment(segment), rows(rows), builder(function.getContext()) {}

  FailureOr<OwningOpRef<ModuleOp>> build(ArrayRef<ObservedValue> observed, bool results, ArrayRef<Value> more) {
    startModule();
    startFunction();
    for (Operation *op : segment.ops)
      if (failed(copy(op)))
        return failure();
    for (const ObservedValue &value : observed)
      addResult(mapping.lookup(value.value), value.name);
    bool isObserved = llvm::any_of(observed, [&](const ObservedValue &value) { return value.value == segment.output; });
    if (segment.output && !isObserved)
      addResult(mapping.lookup(segment.output), "next");
    if (!segment.output && results)
      addOwnResults();
    for (auto [number, value] : llvm::enumerate(more))
      addResult(mapping.lookup(value), "more " + std::to_string(number));
    finishFunction();
    copyParams();
    if (failed(verify(*module)))
      return failure();
    return std::move(module);
  }

private:
  func::FuncOp source;
  const Segment &segment;
  const StoredRows &rows;
  OpBuilder builder;
  OwningOpRef<ModuleOp> module;
  func::FuncOp function;
  IRMapping mapping;
  SmallVector<Value> resultValues;
  SmallVector<DictionaryAttr> resultAttributes;

  // lm.config with the ids of the rows in the place of the vocabulary; what a head says is not true of a part.
  void startModule() {
    auto whole = source->getParentOfType<ModuleOp>();
    module = ModuleOp::create(source.getLoc());
    NamedAttrList config(whole->getAttrOfType<DictionaryAttr>("lm.config"));
    for (const char *name : {"task", "labels", "score_activation"})
      config.erase(name);
    if (segment.input)
      config.set("vocabulary", builder.getI64IntegerAttr(rows.count));
    (*module)->setAttr("lm.config", config.getDictionary(builder.getContext()));
    builder.setInsertionPointToEnd(module->getBody());
  }

  Type lengthsType() {
    auto ids = cast<RankedTensorType>(source.getArgument(0).getType());
    return RankedTensorType::get({ids.getDimSize(0)}, builder.getI32Type());
  }

  // Ids and lengths always; further inputs only where the first ops may read them.
  void startFunction() {
    SmallVector<Type> types = {source.getArgument(0).getType(), lengthsType()};
    SmallVector<DictionaryAttr> attributes(2);
    for (unsigned i = 2; i < source.getNumArguments() && !segment.input; ++i) {
      types.push_back(source.getArgument(i).getType());
      attributes.push_back(source.getArgAttrDict(i));
    }
    function = func::FuncOp::create(builder, source.getLoc(), "encode", builder.getFunctionType(types, {}));
    for (unsigned i = 0; i < attributes.size(); ++i)
      function.setArgAttrs(i, attributes[i]);
    builder.setInsertionPointToStart(function.addEntryBlock());
    for (unsigned i = 0; i < types.size(); ++i)
      if (i != 1 || !isDecoder(source))
        mapping.map(source.getArgument(i), function.getArgument(i));
    if (segment.input)
      mapping.map(segment.input, readRows());
  }

  Value readRows() {
    auto type = cast<RankedTensorType>(segment.input.getType());
    ParamOp table;
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(module->getBody());
      auto tableType = RankedTensorType::get({rows.count, type.getShape().back()}, builder.getF32Type());
      table = ParamOp::create(builder, segment.input.getLoc(), "rows", tableType, rows.weight);
    }
    return EmbeddingOp::create(builder, segment.input.getLoc(), function.getArgument(0), table);
  }

  LogicalResult copy(Operation *op) {
    if (auto attention = dyn_cast<AttentionOp>(op); attention && attention.getCache())
      return copyDecoderAttention(attention), success();
    if (llvm::any_of(op->getOperandTypes(), [](Type type) { return isa<CacheType>(type); }))
      return op->emitError(
          "cannot be observed: it works on a cache; expected lm.attention (before lm-expand-attention)");
    builder.clone(*op, mapping);
    return success();
  }

  void copyDecoderAttention(AttentionOp op) {
    auto made = AttentionOp::create(builder, op.getLoc(), mapping.lookup(op.getQuery()), mapping.lookup(op.getKey()),
                                    mapping.lookup(op.getValue()), Value(), function.getArgument(1), op.getLayer(),
                                    op.getHeads(), op.getKvHeads(), op.getScale().convertToDouble(), op.getMask(),
                                    op.getRopeAttr());
    made.setGroupsAttr(op.getGroupsAttr());
    made.setSoftCapAttr(op.getSoftCapAttr());
    made.setPositionBiasAttr(op.getPositionBiasAttr());
    made.setElementAttr(op.getElementAttr());
    takePartName(made, op);
    mapping.map(op.getResult(), made.getResult());
  }

  void addResult(Value value, StringRef name) {
    resultValues.push_back(value);
    resultAttributes.push_back(
        builder.getDictionaryAttr(builder.getNamedAttr("lm.result", builder.getStringAttr(name))));
  }

  void addOwnResults() {
    auto returned = cast<func::ReturnOp>(source.getBody().front().getTerminator());
    for (OpOperand &operand : returned->getOpOperands()) {
      if (isa<CacheType>(operand.get().getType()))
        continue;
      auto name = source.getResultAttrOfType<StringAttr>(operand.getOperandNumber(), "lm.result");
      addResult(mapping.lookup(operand.get()), name ? name.getValue() : isDecoder(source) ? "logits" : "result");
    }
  }

  void finishFunction() {
    func::ReturnOp::create(builder, source.getLoc(), resultValues);
    SmallVector<Type> types = llvm::to_vector(ValueRange(resultValues).getTypes());
    function.setFunctionType(builder.getFunctionType(function.getArgumentTypes(), types));
    for (unsigned i = 0; i < types.size(); ++i)
      function.setResultAttrs(i, resultAttributes[i]);
  }

  void copyParams() {
    llvm::DenseSet<StringAttr> used;
    for (Operation *op : segment.ops)
      for (NamedAttribute attribute : op->getAttrs())
        if (auto symbol = dyn_cast<FlatSymbolRefAttr>(attribute.getValue()))
          used.insert(symbol.getAttr());
    builder.setInsertionPointToStart(module->getBody());
    for (ParamOp param : source->getParentOfType<ModuleOp>().getOps<ParamOp>())
      if (used.contains(param.getSymNameAttr()))
        builder.clone(*param);
  }
};

} // namespace

FailureOr<OwningOpRef<ModuleOp>> buildObserver(func::FuncOp function, const Segment &segment,
                                               ArrayRef<ObservedValue> observed, const StoredRows &rows, bool results,
                                               ArrayRef<Value> more) {
  return ObserverBuilder(function, segment, rows).build(observed, results, more);
}

} // namespace lmopt::lm
