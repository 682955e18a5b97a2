// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bias of keys is dropped where softmax cancels it:  q (k + b)ᵀ = q kᵀ + (q bᵀ), one constant for each query.
// In: lm.attention without rotary positions. Out: the key projection without bias. From techniques 3.4c.
// Exact up to f32 rounding. Tested by test/passes/fold-key-bias.
#include "passes/fold-key-bias/FoldKeyBias.h"

#include "dialects/lm/Lm.h"
#include "passes/analysis/AttentionLinears.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMFOLDKEYBIASPASS
#include "passes/fold-key-bias/FoldKeyBias.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-fold-key-bias";

static void dropKeyBias(AttentionOp attention, ParamUses &uses) {
  auto key = attention.getKey().getDefiningOp<LinearOp>();
  if (!key || !key.getBiasAttr())
    return;
  if (attention.getRopeAttr())
    return tellMissed(kPass, "KeptKeyBias", attention, "rotary positions turn the bias by the position of the key");
  if (attention.getSoftCap())
    return tellMissed(kPass, "KeptKeyBias", attention, "a soft cap bends each score by itself");
  if (hasLearnedProjection(attention))
    return tellMissed(kPass, "KeptKeyBias", attention,
                      "a learned projection gives each of its rows another share of it");
  if (!getOwnLinear(attention.getKey()))
    return tellMissed(kPass, "KeptKeyBias", attention, "something else uses the keys");
  uses.dropBias(key);
  tellPassed(kPass, "DroppedKeyBias", attention);
}

namespace {

struct FoldKeyBias : impl::LmFoldKeyBiasPassBase<FoldKeyBias> {
  void runOnOperation() override {
    ParamUses uses(getOperation());
    for (AttentionOp attention : findOps<AttentionOp>(getOperation()))
      dropKeyBias(attention, uses);
    uses.eraseUnused();
  }
};

} // namespace

} // namespace lmopt::lm
