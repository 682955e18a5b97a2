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
  if (error)
    return {};
  auto [entry, isNew] = params.try_emplace(name);
  if (!isNew)
    return entry->second;
  Result<Attribute> weight = source.find(name, sourceShape);
  if (!weight) {
    error = weight.error();
    return {};
  }
  OpBuilder::InsertionGuard guard(builder);
  if (function)
    builder.setInsertionPoint(function);
  else
    builder.setInsertionPointToEnd(module->getBody());
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  entry->second = lm::ParamOp::create(builder, lm::nameLocation(builder, name), name, type, derive(*weight));
  return entry->second;
}

lm::ParamOp ModelBuilder::param(const std::string &name, ArrayRef<int64_t> shape) {
  return derivedParam(name, shape, shape, [](Attribute weight) { return weight; });
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

Value ModelBuilder::linear(const std::string &part, Value input, int64_t outputs, bool bias) {
  int64_t inputs = cast<RankedTensorType>(input.getType()).getShape().back();
  lm::ParamOp weight = param(part + ".weight", {outputs, inputs});
  lm::ParamOp vector = bias ? param(part + ".bias", {outputs}) : lm::ParamOp();
  return ok() ? create<lm::LinearOp>(part, input, weight, vector).getResult() : input;
}

Value ModelBuilder::layerNorm(const std::string &part, Value input, double eps) {
  int64_t width = cast<RankedTensorType>(input.getType()).getShape().back();
  lm::ParamOp weight = param(part + ".weight", {width}), bias = param(part + ".bias", {width});
  if (!ok())
    return input;
  return create<lm::LayerNormOp>(part, input, FlatSymbolRefAttr::get(weight), FlatSymbolRefAttr::get(bias), eps);
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
