// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of ModelBuilder.h. The first error stops the making of params; the family builders look at ok() once a
// layer, since an op needs its param.
#include "frontends/families/ModelBuilder.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace lmopt;

ModelBuilder::ModelBuilder(MLIRContext &context, WeightSource &source) : builder(&context), source(source) {
  module = ModuleOp::create(builder.getUnknownLoc());
}

lm::ParamOp ModelBuilder::derivedParam(const std::string &name, ArrayRef<int64_t> sourceShape, ArrayRef<int64_t> shape,
                                       function_ref<Attribute(Attribute)> derive) {
  return paramFrom(name, name, sourceShape, shape, derive);
}

lm::ParamOp ModelBuilder::paramFrom(const std::string &name, const std::string &tensor, ArrayRef<int64_t> sourceShape,
                                    ArrayRef<int64_t> shape, function_ref<Attribute(Attribute)> derive) {
  return paramFromAll(name, tensor, sourceShape, shape,
                      [&](ArrayRef<Attribute> weights) { return derive(weights.front()); });
}

lm::ParamOp ModelBuilder::paramFromAll(const std::string &name, ArrayRef<std::string> tensors,
                                       ArrayRef<int64_t> sourceShape, ArrayRef<int64_t> shape,
                                       function_ref<Attribute(ArrayRef<Attribute>)> derive) {
  if (error)
    return {};
  auto [entry, isNew] = params.try_emplace(name);
  if (!isNew)
    return entry->second;
  SmallVector<Attribute> weights;
  for (const std::string &tensor : tensors) {
    Result<Attribute> weight = source.find(tensor, sourceShape);
    if (!weight) {
      error = weight.error();
      return {};
    }
    weights.push_back(*weight);
  }
  return entry->second = makeParam(name, shape, derive(weights));
}

lm::ParamOp ModelBuilder::inlineParam(const std::string &name, ArrayRef<int64_t> shape, ArrayRef<float> numbers) {
  if (error)
    return {};
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  return params[name] = makeParam(name, shape, DenseElementsAttr::get(type, numbers));
}

lm::ParamOp ModelBuilder::makeParam(const std::string &name, ArrayRef<int64_t> shape, Attribute value) {
  OpBuilder::InsertionGuard guard(builder);
  if (function)
    builder.setInsertionPoint(function);
  else
    builder.setInsertionPointToEnd(module->getBody());
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  return lm::ParamOp::create(builder, lm::nameLocation(builder, name), name, type, value);
}

lm::ParamOp ModelBuilder::param(const std::string &name, ArrayRef<int64_t> shape) {
  return derivedParam(name, shape, shape, [](Attribute weight) { return weight; });
}

lm::ParamOp ModelBuilder::matrix(const std::string &part, ArrayRef<int64_t> shape) {
  if (error)
    return {};
  std::string name = part + ".weight";
  auto [entry, isNew] = params.try_emplace(name);
  if (!isNew)
    return entry->second;
  Result<Attribute> weight = source.findTrained(name, shape);
  if (!weight) {
    error = weight.error();
    return {};
  }
  lm::ParamOp made = makeParam(name, shape, *weight);
  if (lm::hasTrainedCodes(*weight))
    made.setExactnessAttr(lm::ExactnessAttr::get(builder.getContext(), lm::ExactnessKind::trained, std::nullopt));
  return entry->second = made;
}

lm::ParamOp ModelBuilder::sharedTable(const std::string &part, ArrayRef<int64_t> shape) {
  if (Result<void> untrained = source.expectUntrained(part, shape[0]); !untrained && ok())
    error = untrained.error();
  return param("embed.weight", shape);
}

/// One for all who read the same value in the same codes.
static Value findSame(Value value, lm::CodeRangeAttr range) {
  for (Operation *user : value.getUsers())
    if (auto made = dyn_cast<lm::FakeQuantizeOp>(user); made && made.getCodes() == range)
      return made;
  return {};
}

Value ModelBuilder::inTrainedCodes(const std::string &name, Value value, Result<lm::CodeRangeAttr> range) {
  if (!range)
    error = range.error();
  if (!range || !*range)
    return value;
  Value same = findSame(value, *range);
  return same ? same : create<lm::FakeQuantizeOp>(name, value, *range).getResult();
}

Value ModelBuilder::asRead(const std::string &part, Value input, const std::string &owner) {
  return ok() ? inTrainedCodes(part + ".input", input, source.inputRange(owner)) : input;
}

Value ModelBuilder::asMade(const std::string &part, Value result, const std::string &owner) {
  return ok() ? inTrainedCodes(part + ".output", result, source.outputRange(owner)) : result;
}

Block *ModelBuilder::beginFunction(StringRef name, ArrayRef<Type> inputs, ArrayRef<StringRef> roles) {
  builder.setInsertionPointToEnd(module->getBody());
  function = func::FuncOp::create(builder, builder.getUnknownLoc(), name, builder.getFunctionType(inputs, {}));
  for (auto [number, role] : llvm::enumerate(roles))
    if (!role.empty())
      function.setArgAttr(number, "lm.input", builder.getStringAttr(role));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  return body;
}

void ModelBuilder::endFunction(ValueRange results) {
  func::ReturnOp::create(builder, builder.getUnknownLoc(), results);
  function.setFunctionType(builder.getFunctionType(function.getArgumentTypes(), results.getTypes()));
}

Value ModelBuilder::linear(const std::string &part, Value input, int64_t outputs, bool bias, const std::string &owner) {
  int64_t inputs = cast<RankedTensorType>(input.getType()).getShape().back();
  lm::ParamOp weight = matrix(owner, {outputs, inputs});
  lm::ParamOp vector = bias ? param(owner + ".bias", {outputs}) : lm::ParamOp();
  Value read = asRead(part, input, owner);
  return ok() ? asMade(part, create<lm::LinearOp>(part, read, weight, vector), owner) : input;
}

/// Those rows of a matrix or of a vector.
static Attribute takeRows(Attribute weight, const TensorRows &from) {
  if (from.step == 1)
    return weight;
  SmallVector<Attribute> blocks;
  for (int64_t i = 0; i < from.count; ++i)
    blocks.push_back(lm::TakeBlocksAttr::get(weight.getContext(), weight, from.size, from.first + i, from.step));
  return blocks.size() == 1 ? blocks.front() : lm::ConcatRowsAttr::get(weight.getContext(), blocks);
}

Value ModelBuilder::linear(const std::string &part, Value input, const TensorRows &from, bool bias) {
  int64_t inputs = cast<RankedTensorType>(input.getType()).getShape().back();
  int64_t outputs = from.rows / from.step * from.count;
  SmallVector<int64_t> stored = {from.rows, inputs};
  if (from.transposed)
    std::swap(stored[0], stored[1]);
  lm::ParamOp weight =
      paramFrom(part + ".weight", from.part + ".weight", stored, {outputs, inputs}, [&](Attribute all) {
        return takeRows(from.transposed ? lm::TransposeAttr::get(all.getContext(), all) : all, from);
      });
  lm::ParamOp vector;
  if (bias)
    vector = paramFrom(part + ".bias", from.part + ".bias", {from.rows}, {outputs},
                       [&](Attribute all) { return takeRows(all, from); });
  return ok() ? create<lm::LinearOp>(part, input, weight, vector).getResult() : input;
}

Value ModelBuilder::addResidual(const std::string &part, Value residual, Value branch) {
  return ok() ? create<lm::AddOp>(part + ".residual", residual, branch).getResult() : residual;
}

Value ModelBuilder::layerNorm(const std::string &part, Value input, double eps, const std::string &owner, bool bias) {
  int64_t width = cast<RankedTensorType>(input.getType()).getShape().back();
  lm::ParamOp weight = param(owner + ".weight", {width});
  lm::ParamOp vector = bias ? param(owner + ".bias", {width}) : lm::ParamOp();
  if (!ok())
    return input;
  auto scale = FlatSymbolRefAttr::get(weight), shift = vector ? FlatSymbolRefAttr::get(vector) : FlatSymbolRefAttr();
  return asMade(part, create<lm::LayerNormOp>(part, input, scale, shift, eps), owner);
}

/// Verifies and turns what the verifier says into one message.
static std::optional<Error> verifyModule(ModuleOp module) {
  std::string message;
  ScopedDiagnosticHandler handler(module.getContext(), [&](Diagnostic &diagnostic) {
    message += (message.empty() ? "" : "; ") + diagnostic.str();
    return success();
  });
  if (succeeded(verify(module)))
    return std::nullopt;
  return Error{kErrorInternal, "the imported module is not valid: " + message};
}

Result<OwningOpRef<ModuleOp>> ModelBuilder::finish() {
  if (!error)
    if (Result<void> used = source.checkAllUsed(); !used)
      error = used.error();
  if (error)
    return *error;
  module->getOperation()->setAttr("lm.config", facts.getDictionary(builder.getContext()));
  if (std::optional<Error> invalid = verifyModule(*module))
    return *invalid;
  return std::move(module);
}
