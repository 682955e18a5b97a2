// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs and weights of linears are rotated by a block Hadamard matrix:  x Wᵀ = (x H)(W H)ᵀ.
// In: lm.linear on f32 weights. Out: lm.rotate + lm.linear on rotated weights; lm.embedding {rotated} for a shared
// table. A weight is rotated for all its users or for none, so the work goes weight by weight. From techniques 3.4g
// (the idea), design 10 (measured). Exact up to f32 rounding. Tested by test/passes/rotate.
#include "passes/rotate/Rotate.h"

#include "dialects/lm/Lm.h"
#include "dialects/lm/PartNames.h"
#include "passes/analysis/LinearWeights.h"
#include "passes/analysis/Tell.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMROTATEPASS
#include "passes/rotate/Rotate.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-rotate";

/// Smaller blocks spread too little to be worth a pass over the activation.
static constexpr int64_t kLeastBlock = 8;
static constexpr int64_t kGreatestBlock = 65536;

/// The greatest power of two up to `wanted` that divides `width`.
static int64_t chooseBlock(int64_t wanted, int64_t width) {
  int64_t block = wanted;
  while (width % block != 0)
    block /= 2;
  return block;
}

/// Why this user of a weight cannot be rotated, or an empty string.
static std::string reasonAgainst(Operation *user, const LayerSelection &selection) {
  std::string name = ("'" + getPartName(user) + "'").str();
  if (auto embedding = dyn_cast<EmbeddingOp>(user))
    return embedding.getRotated() ? name + " is rotated already" : "";
  auto linear = dyn_cast<LinearOp>(user);
  if (!linear)
    return "its weight is also used by " + name;
  if (!selection.contains(linear))
    return "its weight is also used by " + name + ", which is not selected";
  if (linear.getInput().getDefiningOp<RotateOp>())
    return "its weight is also used by " + name + ", which is rotated already";
  if (linear.getInput().getDefiningOp<FakeQuantizeOp>())
    return name + " reads the codes that it was trained with";
  if (choosesExperts(linear))
    return name + " chooses experts, which it does in f32";
  if (readsVectors(linear))
    return name + " reads one vector a sequence, which stays in f32";
  return "";
}

namespace {

struct Rotate : impl::LmRotatePassBase<Rotate> {
  using LmRotatePassBase::LmRotatePassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    rotations.clear();
    if (!llvm::isPowerOf2_64(block) || block < kLeastBlock || block > kGreatestBlock) {
      emitError(module.getLoc()) << kPass << ": option 'block' must be a power of two from " << kLeastBlock << " to "
                                 << kGreatestBlock << ", found " << block.getValue();
      return signalPassFailure();
    }
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection))
      return signalPassFailure();
    ParamUses uses(module);
    llvm::SetVector<Operation *> weights; // in the order of the model
    for (LinearOp linear : findOps<LinearOp>(module))
      if (selection->contains(linear) && !linear.getInput().getDefiningOp<RotateOp>())
        weights.insert(uses.lookup(linear.getWeightAttr()));
    for (Operation *weight : weights)
      rotateWeight(cast<ParamOp>(weight), uses.users(cast<ParamOp>(weight)), *selection);
  }

  void rotateWeight(ParamOp weight, ArrayRef<Operation *> users, const LayerSelection &selection) {
    int64_t width = weight.getShape().back(), chosen = chooseBlock(block, width);
    std::string reason = reasonToKeepCodes(weight);
    if (reason.empty() && chosen < kLeastBlock)
      reason =
          llvm::formatv("no power of two from {0} to {1} divides its width {2}", kLeastBlock, block.getValue(), width);
    for (Operation *user : users)
      if (reason.empty())
        reason = reasonAgainst(user, selection);
    if (!reason.empty()) {
      for (Operation *user : users)
        if (isa<LinearOp>(user))
          tellMissed(kPass, "NotRotated", user, reason);
      return;
    }
    weight.setValueAttr(RotateColumnsAttr::get(weight.getContext(), weight.getValue(), chosen));
    for (Operation *user : users)
      rotateUser(user, chosen);
  }

  void rotateUser(Operation *user, int64_t chosen) {
    if (auto embedding = dyn_cast<EmbeddingOp>(user)) {
      embedding.setRotated(chosen);
    } else {
      auto linear = cast<LinearOp>(user);
      linear.getInputMutable().assign(getRotated(linear.getInput(), chosen));
    }
    tellPassed(kPass, "Rotated", user) << remark::metric("Block", chosen);
  }

  /// One rotation for each value, whoever reads it.
  Value getRotated(Value input, int64_t chosen) {
    Value &rotated = rotations[{input, chosen}];
    if (!rotated) {
      OpBuilder builder(input.getContext());
      builder.setInsertionPointAfterValue(input);
      auto rotation = RotateOp::create(builder, input.getLoc(), input, chosen);
      nameAfter(rotation, input, "rotate");
      rotated = rotation;
    }
    return rotated;
  }

  llvm::DenseMap<std::pair<Value, int64_t>, Value> rotations;
};

} // namespace

} // namespace lmopt::lm
