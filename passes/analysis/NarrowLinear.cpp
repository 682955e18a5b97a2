// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears with fewer results or inputs; see NarrowLinear.h.
#include "passes/analysis/NarrowLinear.h"

using namespace mlir;

namespace lmopt::lm {

std::vector<int64_t> expandBlocks(llvm::ArrayRef<int64_t> kept, int64_t width) {
  std::vector<int64_t> all;
  for (int64_t block : kept)
    for (int64_t i = 0; i < width; ++i)
      all.push_back(block * width + i);
  return all;
}

static RankedTensorType f32Type(llvm::ArrayRef<int64_t> shape, MLIRContext *context) {
  return RankedTensorType::get(shape, Float32Type::get(context));
}

void setWidth(Value rows, int64_t width) {
  auto type = cast<RankedTensorType>(rows.getType());
  llvm::SmallVector<int64_t> shape = llvm::to_vector(type.getShape());
  shape.back() = width;
  rows.setType(RankedTensorType::get(shape, type.getElementType()));
}

void takeRows(ParamOp param, llvm::ArrayRef<int64_t> kept) {
  llvm::SmallVector<int64_t> shape = llvm::to_vector(param.getShape());
  shape.front() = static_cast<int64_t>(kept.size());
  param.setValueAttr(TakeRowsAttr::get(param.getContext(), param.getValue(), kept));
  param.setType(f32Type(shape, param.getContext()));
}

void takeRows(LinearOp linear, llvm::ArrayRef<int64_t> kept, const ParamUses &uses) {
  takeRows(uses.lookup(linear.getWeightAttr()), kept);
  if (FlatSymbolRefAttr bias = linear.getBiasAttr())
    takeRows(uses.lookup(bias), kept);
  setWidth(linear.getResult(), static_cast<int64_t>(kept.size()));
}

void takeColumns(LinearOp linear, llvm::ArrayRef<int64_t> kept, const ParamUses &uses) {
  ParamOp weight = uses.lookup(linear.getWeightAttr());
  MLIRContext *context = weight.getContext();
  Attribute turned = TransposeAttr::get(context, weight.getValue());
  weight.setValueAttr(TransposeAttr::get(context, TakeRowsAttr::get(context, turned, kept)));
  weight.setType(f32Type({weight.getShape().front(), static_cast<int64_t>(kept.size())}, context));
}

std::optional<std::variant<FeedForward, std::string>> matchFeedForward(LinearOp down, const ParamUses &uses) {
  Operation *middle = down.getInput().getDefiningOp();
  if (!isa_and_nonnull<GatedProductOp, ActivationOp>(middle))
    return std::nullopt;
  if (!down.getInput().hasOneUse())
    return "the values between its linears are also used elsewhere";
  if (!uses.isOnlyUsedBy(uses.lookup(down.getWeightAttr()), down))
    return "its weight is also used elsewhere";
  if (std::string reason = reasonToKeepCodes(uses.lookup(down.getWeightAttr())); !reason.empty())
    return reason;
  FeedForward block = {down, middle, {}};
  for (Value operand : middle->getOperands()) {
    LinearOp linear = getOwnLinear(operand, uses);
    if (!linear || (linear.getBiasAttr() && !uses.isOnlyUsedBy(uses.lookup(linear.getBiasAttr()), linear)))
      return "what its activation reads is no f32 linear of its own";
    block.before.push_back(linear);
  }
  return block;
}

void takeNeurons(const FeedForward &block, llvm::ArrayRef<int64_t> kept, const ParamUses &uses) {
  for (LinearOp linear : block.before)
    takeRows(linear, kept, uses);
  setWidth(block.middle->getResult(0), static_cast<int64_t>(kept.size()));
}

} // namespace lmopt::lm
