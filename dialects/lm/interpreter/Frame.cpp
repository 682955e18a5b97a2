// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Frame.h: from MLIR (values, symbols) to plain buffers.

#include "dialects/lm/interpreter/Frame.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

//===- Values ----------------------------------------------------------------------------------------------------===//

void Frame::define(Value value, RuntimeValue content) {
  const auto *cache = std::get_if<reference::Cache>(&content);
  if (cache && isa<BlockArgument>(value))
    for (const reference::CacheLayer &layer : cache->layers)
      before = std::max(before, layer.positions);
  int64_t uses = std::distance(value.use_begin(), value.use_end());
  if (uses == 0)
    return;
  usesLeft[value] = uses;
  values.insert({value, std::move(content)});
}

RuntimeValue Frame::take(Value value) {
  RuntimeValue &stored = values.find(value)->second;
  return usesLeft[value] == 1 ? std::move(stored) : stored;
}

void Frame::release(Operation *op) {
  borrowed.clear();
  for (Value operand : op->getOperands())
    if (--usesLeft[operand] == 0)
      values.erase(operand);
}

RuntimeValues lmopt::lm::one(RuntimeValue value) {
  RuntimeValues values;
  values.push_back(std::move(value));
  return values;
}

FailureOr<RuntimeValues> lmopt::lm::one(Operation *op, Result<reference::Tensor> result) {
  if (!result)
    return op->emitError() << result.error().message;
  return one(RuntimeValue(result.take()));
}

//===- Weights ---------------------------------------------------------------------------------------------------===//

FailureOr<const WeightData *> Frame::weight(Operation *user, FlatSymbolRefAttr symbol) {
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

FailureOr<reference::Weight> Frame::matrix(Operation *user, FlatSymbolRefAttr symbol) {
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
    view.table = (*data)->table.empty() ? nullptr : (*data)->table.data();
  } else {
    view.f32 = (*data)->f32.data();
  }
  return view;
}

FailureOr<const float *> Frame::vector(Operation *user, FlatSymbolRefAttr symbol) {
  if (!symbol)
    return static_cast<const float *>(nullptr);
  FailureOr<const WeightData *> data = weight(user, symbol);
  return failed(data) ? FailureOr<const float *>(failure()) : (*data)->f32.data();
}

//===- Meanings --------------------------------------------------------------------------------------------------===//

void lmopt::lm::registerMeanings(DialectRegistry &registry) {
#define MEANING(FAMILY) register##FAMILY##Meanings(registry);
#include "dialects/lm/LmMeanings.inc"
#undef MEANING
}
