// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Halves of layers, found from their ends; see LayerHalves.h.
#include "passes/analysis/LayerHalves.h"

#include "passes/analysis/ParamUses.h"

using namespace mlir;

namespace lmopt::lm {

AttentionOp LayerHalf::attention() const {
  for (Operation *op : ops)
    if (auto found = dyn_cast<AttentionOp>(op))
      return found;
  return {};
}

AddOp sumBehind(LinearOp last) {
  return last.getResult().hasOneUse() ? dyn_cast<AddOp>(*last.getResult().getUsers().begin()) : AddOp();
}

static bool isNorm(Operation *op) { return isa_and_nonnull<RmsNormOp, LayerNormOp>(op); }

/// An argument that is no rows: a length for each sequence.
static bool isLengths(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return isa<BlockArgument>(value) && type && type.getRank() == 1;
}

static bool isBehind(Operation *op, Value value) {
  Operation *made = value.getDefiningOp();
  return !made || (made->getBlock() == op->getBlock() && made->isBeforeInBlock(op));
}

/// The ops between `before` and the last linear, backwards; false when they read what is not computed from it.
static bool collect(LayerHalf &half) {
  Value before = half.before();
  half.ops.insert(half.last);
  bool readsBefore = false;
  for (size_t i = 0; i < half.ops.size(); ++i)
    for (Value operand : half.ops[i]->getOperands()) {
      Operation *made = operand.getDefiningOp();
      readsBefore |= operand == before;
      if (operand == before || isa<CacheType>(operand.getType()) || isLengths(operand))
        continue;
      if (!made || !isBehind(made, before))
        return false;
      half.ops.insert(made);
    }
  return readsBefore;
}

static bool isUsedInside(Value value, const LayerHalf &half) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) { return half.ops.contains(user); });
}

std::string completeHalf(LayerHalf &half) {
  Operation *sum = half.end = half.sum;
  if (!collect(half))
    return "it does not read the rows before its sum alone";
  bool normInside = llvm::any_of(half.ops, isNorm);
  half.ops.insert(sum);
  if (Operation *behind = sum->hasOneUse() ? *sum->getUsers().begin() : nullptr; !normInside && isNorm(behind)) {
    half.ops.insert(behind);
    half.end = behind;
  }
  for (Operation *op : half.ops)
    for (Value result : op->getResults())
      if (op != half.end && !isa<CacheType>(result.getType()) && !isUsedInside(result, half))
        return "others also use what it computes";
  return "";
}

std::vector<LayerHalf> findLayerHalves(ModuleOp module) {
  std::vector<LayerHalf> halves;
  for (LinearOp last : findOps<LinearOp>(module)) {
    LayerHalf half = {last, sumBehind(last)};
    if (half.sum && completeHalf(half).empty())
      halves.push_back(std::move(half));
  }
  return halves;
}

} // namespace lmopt::lm
