// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The driver: walks a function and asks each op for its meaning. What the lm ops mean is
// dialects/lm/<family>/Meaning.cpp; constants and calls are here. So are all checks of shapes that are known only at
// run time, so that the meanings need none. Tested by test/dialects/lm/interpret.

#include "dialects/lm/interpreter/Interpreter.h"

#include "dialects/lm/interpreter/Frame.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;
using reference::Tensor;

static constexpr int maxCallDepth = 64;

namespace {
/// One call of a function.
class Execution {
public:
  Execution(Interpreter::State &state, int depth) : state(state), depth(depth), frame(state) {}

  FailureOr<RuntimeValues> run(func::FuncOp function, RuntimeValues inputs);

private:
  LogicalResult checkOperands(Operation *op);
  LogicalResult execute(Operation *op);
  FailureOr<RuntimeValues> evaluate(Operation *op);
  FailureOr<RuntimeValues> call(func::CallOp op);

  Interpreter::State &state;
  int depth;
  Frame frame;
};
} // namespace

//===- Checks ----------------------------------------------------------------------------------------------------===//

static size_t storedElements(const Tensor &tensor, Type element) {
  if (element.isF32() || element.isBF16())
    return tensor.f32.size();
  if (element.isInteger(32))
    return tensor.i32.size();
  return element.isSignedInteger(8) ? tensor.s8.size() : tensor.u8.size();
}

static bool conforms(const Tensor &tensor, ShapedType type) {
  if (type.getRank() != int64_t(tensor.shape.size()))
    return false;
  int64_t count = 1;
  for (auto [expected, size] : llvm::zip_equal(type.getShape(), tensor.shape)) {
    if (size < 0 || (!ShapedType::isDynamic(expected) && expected != size))
      return false;
    count *= size;
  }
  return storedElements(tensor, type.getElementType()) == size_t(count);
}

/// Scales, and zero points of u8 codes, for every row.
static bool conforms(const reference::Quantized &value, CodesType type) {
  size_t rows = value.codes.rows(), scales = type.getIsSigned() ? rows * type.getGroupsPerRow() : rows;
  return conforms(value.codes, type) && value.scale.f32.size() == scales &&
         value.zero.i32.size() == (type.getIsSigned() ? 0 : rows);
}

/// Whether a run-time value can stand for a value of this type.
static bool conforms(const RuntimeValue &value, Type type) {
  if (const auto *tensor = std::get_if<Tensor>(&value))
    return isa<RankedTensorType>(type) && conforms(*tensor, cast<ShapedType>(type));
  if (const auto *codes = std::get_if<reference::Quantized>(&value))
    return isa<CodesType>(type) && conforms(*codes, cast<CodesType>(type));
  return isa<CacheType>(type);
}

/// Dynamic sizes: batch (and sequence) of all operands of an op agree.
LogicalResult Execution::checkOperands(Operation *op) {
  std::optional<int64_t> batch, sequence;
  for (Value operand : op->getOperands()) {
    const auto *codes = std::get_if<reference::Quantized>(&frame.at(operand));
    const Tensor *value = codes ? &codes->codes : std::get_if<Tensor>(&frame.at(operand));
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

//===- Running ---------------------------------------------------------------------------------------------------===//

static FailureOr<RuntimeValues> constant(arith::ConstantOp op) {
  auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
  std::optional<Tensor> value = dense ? tensorFromAttribute(dense) : std::nullopt;
  if (!value)
    return op.emitError("expected a dense constant of f32, i32, ui8 or si8 with at most 2^28 numbers");
  return one(std::move(*value));
}

FailureOr<RuntimeValues> Execution::call(func::CallOp op) {
  auto callee = state.tables.lookupNearestSymbolFrom<func::FuncOp>(op, op.getCalleeAttr());
  if (!callee || depth >= maxCallDepth)
    return op.emitError("cannot call @") << op.getCallee() << ": it does not exist or calls nest deeper than "
                                         << maxCallDepth;
  RuntimeValues inputs;
  for (Value operand : op.getOperands())
    inputs.push_back(frame.take(operand));
  return Execution(state, depth + 1).run(callee, std::move(inputs));
}

FailureOr<RuntimeValues> Execution::evaluate(Operation *op) {
  if (auto meaning = dyn_cast<MeaningOpInterface>(op))
    return meaning.evaluate(frame);
  if (auto call = dyn_cast<func::CallOp>(op))
    return this->call(call);
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return ::constant(constant);
  InFlightDiagnostic error = op->emitError("the interpreter does not know '") << op->getName() << "'";
  if (isa_and_nonnull<LMDialect>(op->getDialect()))
    error << ": no meaning is attached to it; its family's Meaning.cpp must give one, and registerMeanings() must be "
             "called";
  return error;
}

LogicalResult Execution::execute(Operation *op) {
  if (!isa<func::CallOp>(op) && failed(checkOperands(op)))
    return failure();
  FailureOr<RuntimeValues> results = evaluate(op);
  if (failed(results))
    return failure();
  frame.release(op);
  for (auto [result, value] : llvm::zip_equal(op->getResults(), *results)) {
    if (!conforms(value, result.getType()))
      return op->emitError("at run time a result does not fit its type ") << result.getType();
    frame.define(result, std::move(value));
  }
  return success();
}

FailureOr<RuntimeValues> Execution::run(func::FuncOp function, RuntimeValues inputs) {
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return function.emitError("the interpreter needs a function with one block");
  Block &block = function.getBody().front();
  if (inputs.size() != block.getNumArguments())
    return function.emitError("expected ") << block.getNumArguments() << " inputs, but found " << inputs.size();
  for (auto [argument, input] : llvm::zip_equal(block.getArguments(), inputs)) {
    if (!conforms(input, argument.getType()))
      return function.emitError("input ") << argument.getArgNumber() << " does not fit its type " << argument.getType();
    frame.define(argument, std::move(input));
  }
  for (Operation &op : block.without_terminator())
    if (failed(execute(&op)))
      return failure();
  auto terminator = dyn_cast<func::ReturnOp>(block.getTerminator());
  if (!terminator)
    return function.emitError("the interpreter needs a function that ends with return");
  RuntimeValues results;
  for (Value operand : terminator.getOperands())
    results.push_back(frame.at(operand));
  return results;
}

Interpreter::Interpreter(ModuleOp module, WeightReader &reader, Options options)
    : state(std::make_unique<State>(module, reader, options)) {}
Interpreter::~Interpreter() = default;

FailureOr<RuntimeValues> Interpreter::run(StringRef name, RuntimeValues inputs) {
  auto function = state->module.lookupSymbol<func::FuncOp>(name);
  if (!function)
    return state->module.emitError("there is no function @") << name;
  return Execution(*state, 0).run(function, std::move(inputs));
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
