// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks a function and calls the reference functions: from MLIR (types, attributes, symbols) to plain buffers. All
// checks of shapes that are known only at run time are here, so that the reference functions need none.
// Tested by test/dialects/lm/interpret.

#include "dialects/lm/interpreter/Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;
using reference::Cache;
using reference::Tensor;

static constexpr int maxCallDepth = 64;

struct Interpreter::State {
  State(ModuleOp module, WeightReader &reader, Options options) : module(module), reader(reader), options(options) {}

  ModuleOp module;
  WeightReader &reader;
  Options options;
  SymbolTableCollection tables;
  llvm::DenseMap<Operation *, std::unique_ptr<WeightData>> weights;
};

/// One activation of a function: its values, each dropped after its last use.
class Interpreter::Run {
public:
  Run(State &state, int depth) : state(state), depth(depth) {}

  FailureOr<std::vector<RuntimeValue>> run(func::FuncOp function, std::vector<RuntimeValue> inputs);

private:
  using Values = std::vector<RuntimeValue>;

  LogicalResult execute(Operation *op);
  FailureOr<Values> evaluate(Operation *op);
  FailureOr<Values> evaluateOp(EmbeddingOp op);
  FailureOr<Values> evaluateOp(AddPositionsOp op);
  FailureOr<Values> evaluateOp(LinearOp op);
  FailureOr<Values> evaluateOp(NarrowLinearOp op);
  FailureOr<Values> evaluateOp(QuantizeDynamicOp op);
  FailureOr<Values> evaluateOp(QuantizedLinearOp op);
  FailureOr<Values> evaluateOp(QuantizeGroupsOp op);
  FailureOr<Values> evaluateOp(GroupedLinearOp op);
  FailureOr<Values> evaluateOp(RmsNormOp op);
  FailureOr<Values> evaluateOp(LayerNormOp op);
  FailureOr<Values> evaluateOp(BiasAddOp op);
  FailureOr<Values> evaluateOp(AttentionOp op);
  FailureOr<Values> evaluateOp(func::CallOp op);
  FailureOr<Values> evaluateOp(arith::ConstantOp op);

  LogicalResult checkOperands(Operation *op);
  const Tensor &tensor(Value value) { return std::get<Tensor>(values.find(value)->second); }
  /// The value itself if this is its last use, else a copy.
  RuntimeValue take(Value value);
  Tensor takeTensor(Value value) { return std::get<Tensor>(take(value)); }

  FailureOr<const WeightData *> weight(Operation *user, FlatSymbolRefAttr symbol);
  FailureOr<reference::Weight> matrix(Operation *user, FlatSymbolRefAttr symbol);
  /// Null for an absent symbol.
  FailureOr<const float *> vector(Operation *user, FlatSymbolRefAttr symbol);

  State &state;
  int depth;
  llvm::DenseMap<Value, RuntimeValue> values;
  llvm::DenseMap<Value, int64_t> usesLeft;
  std::vector<std::unique_ptr<WeightData>> borrowed; // weights of the current op when they are not kept
};

//===- Checks ----------------------------------------------------------------------------------------------------===//

static size_t storedElements(const Tensor &tensor, Type element) {
  if (element.isF32() || element.isBF16())
    return tensor.f32.size();
  if (element.isInteger(32))
    return tensor.i32.size();
  return element.isSignedInteger(8) ? tensor.s8.size() : tensor.u8.size();
}

/// Whether a run-time value can stand for a value of this type.
static bool conforms(const RuntimeValue &value, Type type) {
  const auto *tensor = std::get_if<Tensor>(&value);
  auto tensorType = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensorType)
    return !tensor && isa<CacheType>(type);
  if (tensorType.getRank() != int64_t(tensor->shape.size()))
    return false;
  int64_t count = 1;
  for (auto [expected, size] : llvm::zip_equal(tensorType.getShape(), tensor->shape)) {
    if (size < 0 || (!ShapedType::isDynamic(expected) && expected != size))
      return false;
    count *= size;
  }
  Type element = tensorType.getElementType();
  return storedElements(*tensor, element) == size_t(count);
}

/// Dynamic sizes: batch (and sequence) of all operands of an op agree.
LogicalResult Interpreter::Run::checkOperands(Operation *op) {
  std::optional<int64_t> batch, sequence;
  for (Value operand : op->getOperands()) {
    const auto *value = std::get_if<Tensor>(&values.find(operand)->second);
    if (!value || value->shape.empty())
      continue;
    bool agrees = batch.value_or(value->shape[0]) == value->shape[0];
    batch = value->shape[0];
    if (value->shape.size() >= 2) {
      agrees = agrees && sequence.value_or(value->shape[1]) == value->shape[1];
      sequence = value->shape[1];
    }
    if (!agrees)
      return op->emitError("the operands disagree about batch or sequence at run time");
  }
  return success();
}

//===- Weights ---------------------------------------------------------------------------------------------------===//

FailureOr<const WeightData *> Interpreter::Run::weight(Operation *user, FlatSymbolRefAttr symbol) {
  ParamOp param = lookupParam(state.tables, user, symbol);
  if (!param)
    return user->emitError("there is no lm.param ") << symbol;
  if (auto found = state.weights.find(param); found != state.weights.end())
    return found->second.get();
  FailureOr<WeightData> data = state.reader.read(param);
  if (failed(data))
    return failure();
  auto owned = std::make_unique<WeightData>(std::move(*data));
  const WeightData *result = owned.get();
  if (state.options.keepWeights)
    state.weights[param] = std::move(owned);
  else
    borrowed.push_back(std::move(owned));
  return result;
}

FailureOr<reference::Weight> Interpreter::Run::matrix(Operation *user, FlatSymbolRefAttr symbol) {
  FailureOr<const WeightData *> data = weight(user, symbol);
  if (failed(data))
    return failure();
  reference::Weight view;
  view.rows = (*data)->rows();
  view.columns = (*data)->columns();
  view.group = (*data)->group ? (*data)->group : view.columns;
  if (!(*data)->s8.empty()) {
    view.codes = (*data)->s8.data();
    view.scales = (*data)->scales.data();
    view.minima = (*data)->minima.empty() ? nullptr : (*data)->minima.data();
  } else {
    view.f32 = (*data)->f32.data();
  }
  return view;
}

FailureOr<const float *> Interpreter::Run::vector(Operation *user, FlatSymbolRefAttr symbol) {
  if (!symbol)
    return static_cast<const float *>(nullptr);
  FailureOr<const WeightData *> data = weight(user, symbol);
  return failed(data) ? FailureOr<const float *>(failure()) : (*data)->f32.data();
}

//===- Ops -------------------------------------------------------------------------------------------------------===//

static reference::Function functionOf(ActivationKind kind) {
  switch (kind) {
  case ActivationKind::gelu:
    return reference::Function::gelu;
  case ActivationKind::gelu_tanh:
    return reference::Function::geluTanh;
  case ActivationKind::silu:
    return reference::Function::silu;
  case ActivationKind::relu:
    return reference::Function::relu;
  case ActivationKind::tanh:
    return reference::Function::tanh;
  }
  llvm_unreachable("all kinds are listed");
}

static reference::Pooling poolingOf(PoolKind kind) {
  switch (kind) {
  case PoolKind::mean:
    return reference::Pooling::mean;
  case PoolKind::cls:
    return reference::Pooling::cls;
  case PoolKind::max:
    return reference::Pooling::max;
  case PoolKind::last:
    return reference::Pooling::last;
  }
  llvm_unreachable("all kinds are listed");
}

static std::vector<RuntimeValue> one(RuntimeValue value) {
  std::vector<RuntimeValue> values;
  values.push_back(std::move(value));
  return values;
}

static FailureOr<std::vector<RuntimeValue>> one(Operation *op, Result<Tensor> result) {
  if (!result)
    return op->emitError() << result.error().message;
  return one(RuntimeValue(result.take()));
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::evaluateOp(EmbeddingOp op) {
  FailureOr<reference::Weight> table = matrix(op, op.getTableAttr());
  if (failed(table))
    return failure();
  return one(op, reference::embedding(tensor(op.getIds()), *table, int64_t(op.getRotated().value_or(0))));
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::evaluateOp(AddPositionsOp op) {
  FailureOr<reference::Weight> table = matrix(op, op.getTableAttr());
  if (failed(table))
    return failure();
  return one(op, reference::addPositions(takeTensor(op.getInput()), *table));
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::evaluateOp(LinearOp op) {
  FailureOr<reference::Weight> weight = matrix(op, op.getWeightAttr());
  FailureOr<const float *> bias = vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(reference::linear(tensor(op.getInput()), *weight, *bias));
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::evaluateOp(NarrowLinearOp op) {
  FailureOr<reference::Weight> weight = matrix(op, op.getWeightAttr());
  FailureOr<const float *> bias = vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(reference::linear(tensor(op.getInput()), *weight, *bias));
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::evaluateOp(QuantizeDynamicOp op) {
  reference::Quantized q = reference::quantizeDynamic(tensor(op.getInput()));
  Values results;
  results.push_back(std::move(q.codes));
  results.push_back(std::move(q.scale));
  results.push_back(std::move(q.zero));
  return results;
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::evaluateOp(QuantizedLinearOp op) {
  FailureOr<reference::Weight> weight = matrix(op, op.getWeightAttr());
  FailureOr<const float *> bias = vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(
      reference::quantizedLinear(tensor(op.getCodes()), tensor(op.getScale()), tensor(op.getZero()), *weight, *bias));
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::evaluateOp(QuantizeGroupsOp op) {
  reference::Quantized q = reference::quantizeGroups(tensor(op.getInput()), int64_t(op.getGroup()));
  Values results;
  results.push_back(std::move(q.codes));
  results.push_back(std::move(q.scale));
  return results;
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::evaluateOp(GroupedLinearOp op) {
  FailureOr<reference::Weight> weight = matrix(op, op.getWeightAttr());
  FailureOr<const float *> bias = vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(reference::groupedLinear(tensor(op.getCodes()), tensor(op.getScale()), *weight, *bias));
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::evaluateOp(RmsNormOp op) {
  FailureOr<const float *> weight = vector(op, op.getWeightAttr());
  if (failed(weight))
    return failure();
  return one(reference::rmsNorm(takeTensor(op.getInput()), *weight, op.getEps().convertToDouble()));
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::evaluateOp(LayerNormOp op) {
  FailureOr<const float *> weight = vector(op, op.getWeightAttr());
  FailureOr<const float *> bias = vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(reference::layerNorm(takeTensor(op.getInput()), *weight, *bias, op.getEps().convertToDouble()));
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::evaluateOp(BiasAddOp op) {
  FailureOr<const float *> bias = vector(op, op.getVectorAttr());
  if (failed(bias))
    return failure();
  return one(reference::biasAdd(takeTensor(op.getInput()), *bias));
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::evaluateOp(AttentionOp op) {
  reference::AttentionOptions options;
  options.layer = op.getLayer();
  options.heads = op.getHeads();
  options.kvHeads = op.getKvHeads();
  options.scale = op.getScale().convertToDouble();
  options.causal = op.isCausal();
  options.bf16 = op.isBf16();
  options.int8 = op.isInt8();
  if (RopeAttr rope = op.getRopeAttr()) {
    options.rotation = [rope, known = state.options.length](int64_t length) {
      RopeFrequencies rotation = computeRopeFrequencies(rope, std::max(length, known));
      return reference::Rotation{{rotation.frequencies.begin(), rotation.frequencies.end()}, rotation.attentionFactor};
    };
    options.interleaved = rope.getLayout() == RopeLayout::interleaved;
  }
  const Tensor &query = tensor(op.getQuery()), &key = tensor(op.getKey()), &value = tensor(op.getValue());
  if (op.getLengths())
    return one(reference::attention(query, key, value, tensor(op.getLengths()), options));
  Cache cache = std::get<Cache>(take(op.getCache()));
  FailureOr<Values> results = one(op, reference::attention(query, key, value, cache, options));
  if (succeeded(results))
    results->push_back(std::move(cache));
  return results;
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::evaluateOp(arith::ConstantOp op) {
  auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
  std::optional<Tensor> value = dense ? tensorFromAttribute(dense) : std::nullopt;
  if (!value)
    return op.emitError("expected a dense constant of f32, i32, ui8 or si8 with at most 2^28 numbers");
  return one(std::move(*value));
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::evaluateOp(func::CallOp op) {
  auto callee = state.tables.lookupNearestSymbolFrom<func::FuncOp>(op, op.getCalleeAttr());
  if (!callee || depth >= maxCallDepth)
    return op.emitError("cannot call @") << op.getCallee() << ": it does not exist or calls nest deeper than "
                                         << maxCallDepth;
  Values inputs;
  for (Value operand : op.getOperands())
    inputs.push_back(take(operand));
  return Run(state, depth + 1).run(callee, std::move(inputs));
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::evaluate(Operation *op) {
  using Results = FailureOr<Values>;
  return llvm::TypeSwitch<Operation *, Results>(op)
      .Case<EmbeddingOp, AddPositionsOp, LinearOp, NarrowLinearOp, QuantizeDynamicOp, QuantizedLinearOp,
            QuantizeGroupsOp, GroupedLinearOp, RmsNormOp, LayerNormOp, BiasAddOp, AttentionOp, func::CallOp,
            arith::ConstantOp>([&](auto op) { return evaluateOp(op); })
      .Case([&](NarrowOp op) -> Results { return one(reference::narrow(takeTensor(op.getInput()))); })
      .Case([&](RotateOp op) -> Results { return one(reference::rotate(takeTensor(op.getInput()), op.getBlock())); })
      .Case([&](AddOp op) -> Results { return one(reference::add(tensor(op.getLhs()), tensor(op.getRhs()))); })
      .Case([&](ActivationOp op) -> Results {
        return one(reference::activation(takeTensor(op.getInput()), functionOf(op.getKind())));
      })
      .Case([&](GatedProductOp op) -> Results {
        return one(reference::gatedProduct(tensor(op.getGate()), tensor(op.getUp()), functionOf(op.getKind())));
      })
      .Case([&](PoolOp op) -> Results {
        return one(reference::pool(tensor(op.getInput()), tensor(op.getLengths()), poolingOf(op.getKind())));
      })
      .Case([&](L2NormalizeOp op) -> Results { return one(reference::l2Normalize(takeTensor(op.getInput()))); })
      .Default([](Operation *op) -> Results {
        return op->emitError("the interpreter does not know '") << op->getName() << "'";
      });
}

//===- Running ---------------------------------------------------------------------------------------------------===//

RuntimeValue Interpreter::Run::take(Value value) {
  RuntimeValue &stored = values.find(value)->second;
  return usesLeft[value] == 1 ? std::move(stored) : stored;
}

LogicalResult Interpreter::Run::execute(Operation *op) {
  if (!isa<func::CallOp>(op) && failed(checkOperands(op)))
    return failure();
  FailureOr<Values> results = evaluate(op);
  borrowed.clear();
  if (failed(results))
    return failure();
  for (Value operand : op->getOperands())
    if (--usesLeft[operand] == 0)
      values.erase(operand);
  for (auto [result, value] : llvm::zip_equal(op->getResults(), *results)) {
    if (!conforms(value, result.getType()))
      return op->emitError("at run time a result does not fit its type ") << result.getType();
    usesLeft[result] = std::distance(result.use_begin(), result.use_end());
    if (usesLeft[result] > 0)
      values.insert({result, std::move(value)});
  }
  return success();
}

FailureOr<std::vector<RuntimeValue>> Interpreter::Run::run(func::FuncOp function, std::vector<RuntimeValue> inputs) {
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return function.emitError("the interpreter needs a function with one block");
  Block &block = function.getBody().front();
  if (inputs.size() != block.getNumArguments())
    return function.emitError("expected ") << block.getNumArguments() << " inputs, but found " << inputs.size();
  for (auto [argument, input] : llvm::zip_equal(block.getArguments(), inputs)) {
    if (!conforms(input, argument.getType()))
      return function.emitError("input ") << argument.getArgNumber() << " does not fit its type " << argument.getType();
    usesLeft[argument] = std::distance(argument.use_begin(), argument.use_end());
    values.insert({argument, std::move(input)});
  }
  for (Operation &op : block.without_terminator())
    if (failed(execute(&op)))
      return failure();
  auto terminator = dyn_cast<func::ReturnOp>(block.getTerminator());
  if (!terminator)
    return function.emitError("the interpreter needs a function that ends with return");
  Values results;
  for (Value operand : terminator.getOperands())
    results.push_back(values.find(operand)->second);
  return results;
}

Interpreter::Interpreter(ModuleOp module, WeightReader &reader, Options options)
    : state(std::make_unique<State>(module, reader, options)) {}
Interpreter::~Interpreter() = default;

FailureOr<std::vector<RuntimeValue>> Interpreter::run(StringRef name, std::vector<RuntimeValue> inputs) {
  auto function = state->module.lookupSymbol<func::FuncOp>(name);
  if (!function)
    return state->module.emitError("there is no function @") << name;
  return Run(*state, 0).run(function, std::move(inputs));
}

//===- Helpers ---------------------------------------------------------------------------------------------------===//

Tensor lmopt::lm::makeIds(ArrayRef<int32_t> ids, int64_t batch) {
  Tensor tensor;
  tensor.shape = {batch, int64_t(ids.size()) / batch};
  tensor.i32.assign(ids.begin(), ids.end());
  return tensor;
}

Tensor lmopt::lm::makeLengths(ArrayRef<int32_t> lengths) {
  Tensor tensor;
  tensor.shape = {int64_t(lengths.size())};
  tensor.i32.assign(lengths.begin(), lengths.end());
  return tensor;
}

std::optional<Tensor> lmopt::lm::tensorFromAttribute(DenseElementsAttr attribute) {
  Type element = attribute.getElementType();
  if (attribute.getNumElements() > int64_t(1) << 28)
    return std::nullopt;
  Tensor tensor;
  tensor.shape.assign(attribute.getType().getShape().begin(), attribute.getType().getShape().end());
  if (element.isF32())
    llvm::append_range(tensor.f32, attribute.getValues<float>());
  else if (element.isSignlessInteger(32))
    llvm::append_range(tensor.i32, attribute.getValues<int32_t>());
  else if (element.isUnsignedInteger(8))
    llvm::append_range(tensor.u8, attribute.getValues<uint8_t>());
  else if (element.isSignedInteger(8))
    llvm::append_range(tensor.s8, attribute.getValues<int8_t>());
  else
    return std::nullopt;
  return tensor;
}
