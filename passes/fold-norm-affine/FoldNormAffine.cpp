// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The affine part of a norm goes into all linears behind it:  W (g * n + b0) + b = (W diag(g)) n + (W b0 + b).
// In: lm.rms_norm, lm.layer_norm with weights. Out: the same norms without, lm.linear with derived weights.
// From techniques 3.4a. Exact up to f32 rounding of the products. Tested by test/passes/fold-norm-affine.
#include "passes/fold-norm-affine/FoldNormAffine.h"

#include "dialects/lm/Lm.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMFOLDNORMAFFINEPASS
#include "passes/fold-norm-affine/FoldNormAffine.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-fold-norm-affine";

/// The linears that read the norm; empty, with a reason, when something stands against the folding.
static llvm::SmallVector<LinearOp> findReaders(Operation *norm, const ParamUses &uses, std::string &reason) {
  llvm::SmallVector<LinearOp> readers;
  for (Operation *user : norm->getResult(0).getUsers()) {
    auto linear = dyn_cast<LinearOp>(user);
    if (!linear) {
      reason = ("its result is also used by '" + user->getName().getStringRef() + "'").str();
      return {};
    }
    readers.push_back(linear);
  }
  for (LinearOp linear : readers) {
    if (reason = reasonToKeepCodes(uses.lookup(linear.getWeightAttr())); !reason.empty()) {
      reason = ("'" + getPartName(linear) + "': " + reason).str();
      return {};
    }
    for (Operation *user : uses.users(uses.lookup(linear.getWeightAttr()))) {
      if (llvm::is_contained(readers, user))
        continue;
      reason = ("@" + linear.getWeight() + " is also used by '" + getPartName(user) + "'").str();
      return {};
    }
  }
  if (readers.empty())
    reason = "nothing uses its result";
  return readers;
}

/// Biases first: they need the weights as they were.
static void foldShift(ArrayRef<LinearOp> readers, Attribute shift, ParamUses &uses) {
  for (LinearOp linear : readers) {
    Attribute weight = uses.lookup(linear.getWeightAttr()).getValue();
    Attribute bias = linear.getBiasAttr() ? uses.lookup(linear.getBiasAttr()).getValue() : Attribute();
    uses.setBias(linear, MatvecAddAttr::get(linear.getContext(), weight, shift, bias));
  }
}

static void foldScale(ArrayRef<LinearOp> readers, Attribute scale, ParamUses &uses) {
  llvm::SmallPtrSet<Operation *, 4> done; // two readers may share one weight
  for (LinearOp linear : readers) {
    ParamOp weight = uses.lookup(linear.getWeightAttr());
    if (done.insert(weight).second)
      weight.setValueAttr(ScaleColumnsAttr::get(linear.getContext(), weight.getValue(), scale));
  }
}

static void fold(Operation *norm, FlatSymbolRefAttr scale, FlatSymbolRefAttr shift, ParamUses &uses,
                 llvm::function_ref<void()> dropAffine) {
  if (!scale)
    return;
  std::string reason;
  llvm::SmallVector<LinearOp> readers = findReaders(norm, uses, reason);
  if (readers.empty())
    return tellMissed(kPass, "KeptAffine", norm, reason);
  if (shift)
    foldShift(readers, uses.lookup(shift).getValue(), uses);
  foldScale(readers, uses.lookup(scale).getValue(), uses);
  uses.forget(norm);
  dropAffine();
  uses.record(norm);
  tellPassed(kPass, "FoldedAffine", norm) << remark::metric("Linears", readers.size());
}

namespace {

struct FoldNormAffine : impl::LmFoldNormAffinePassBase<FoldNormAffine> {
  void runOnOperation() override {
    ParamUses uses(getOperation());
    for (RmsNormOp norm : findOps<RmsNormOp>(getOperation()))
      if (norm.getHeads() != 1)
        tellMissed(kPass, "KeptAffine", norm, "it norms heads by themselves, with one weight for all of them");
      else
        fold(norm, norm.getWeightAttr(), {}, uses, [&] { norm.removeWeightAttr(); });
    for (LayerNormOp norm : findOps<LayerNormOp>(getOperation()))
      fold(norm, norm.getWeightAttr(), norm.getBiasAttr(), uses, [&] {
        norm.removeWeightAttr();
        norm.removeBiasAttr();
      });
    uses.eraseUnused();
  }
};

} // namespace

} // namespace lmopt::lm
