// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The scale of attention scores goes into the query projection:  a (W x + b) kᵀ = (aW x + ab) kᵀ.
// In: lm.attention whose query is a linear. Out: scale 1, scaled weight and bias. From techniques 3.4b.
// Exact up to f32 rounding. Tested by test/passes/fold-attention-scale.
#include "passes/fold-attention-scale/FoldAttentionScale.h"

#include "dialects/lm/Lm.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMFOLDATTENTIONSCALEPASS
#include "passes/fold-attention-scale/FoldAttentionScale.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-fold-attention-scale";

static void foldScale(AttentionOp attention, ParamUses &uses) {
  double scale = attention.getScale().convertToDouble();
  if (scale == 1.0)
    return;
  LinearOp query = getOwnLinear(attention.getQuery(), uses);
  if (!query)
    return tellMissed(kPass, "KeptScale", attention, "the query is not made by a linear of its own");
  auto scaled = [&](Attribute source) { return ScaleAttr::get(source.getContext(), source, Real(scale)); };
  ParamOp weight = uses.lookup(query.getWeightAttr());
  weight.setValueAttr(scaled(weight.getValue()));
  if (FlatSymbolRefAttr bias = query.getBiasAttr())
    uses.setBias(query, scaled(uses.lookup(bias).getValue()));
  attention.setScaleAttr(Builder(attention.getContext()).getF64FloatAttr(1.0));
  tellPassed(kPass, "FoldedScale", attention) << remark::metric("Scale", scale);
}

namespace {

struct FoldAttentionScale : impl::LmFoldAttentionScalePassBase<FoldAttentionScale> {
  void runOnOperation() override {
    ParamUses uses(getOperation());
    for (AttentionOp attention : findOps<AttentionOp>(getOperation()))
      foldScale(attention, uses);
    uses.eraseUnused();
  }
};

} // namespace

} // namespace lmopt::lm
