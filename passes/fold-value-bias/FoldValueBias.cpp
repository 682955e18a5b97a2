// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bias of values goes through attention into the output projection:  P (v + 1 bᵀ) = P v + 1 bᵀ as rows of P sum
// to 1. In: lm.linear -> lm.attention -> lm.linear. Out: no bias on values, a derived bias on the output. From
// techniques 3.4d. Exact up to f32 rounding. Tested by test/passes/fold-value-bias.
#include "passes/fold-value-bias/FoldValueBias.h"

#include "dialects/lm/Lm.h"
#include "passes/analysis/AttentionLinears.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMFOLDVALUEBIASPASS
#include "passes/fold-value-bias/FoldValueBias.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-fold-value-bias";

static StringRef reasonToKeep(AttentionOp attention) {
  if (!getOwnLinear(attention.getValue()))
    return "something else uses the values";
  if (hasLearnedProjection(attention))
    return "a learned projection gives each of its rows another share of it";
  if (attention.getHeads() != attention.getKvHeads())
    return "heads share values";
  if (!getOutputLinear(attention))
    return "the attention is not read by one linear";
  if (showsPaddedRows(attention))
    return "rows beyond the length of a text can be seen in a result";
  return "";
}

static void foldBias(AttentionOp attention, ParamUses &uses) {
  auto value = attention.getValue().getDefiningOp<LinearOp>();
  if (!value || !value.getBiasAttr())
    return;
  if (StringRef reason = reasonToKeep(attention); !reason.empty())
    return tellMissed(kPass, "KeptValueBias", attention, reason);
  LinearOp output = getOutputLinear(attention);
  Attribute weight = uses.lookup(output.getWeightAttr()).getValue();
  Attribute shift = uses.lookup(value.getBiasAttr()).getValue();
  Attribute bias = output.getBiasAttr() ? uses.lookup(output.getBiasAttr()).getValue() : Attribute();
  uses.setBias(output, MatvecAddAttr::get(attention.getContext(), weight, shift, bias));
  uses.dropBias(value);
  tellPassed(kPass, "FoldedValueBias", attention);
}

namespace {

struct FoldValueBias : impl::LmFoldValueBiasPassBase<FoldValueBias> {
  void runOnOperation() override {
    ParamUses uses(getOperation());
    for (AttentionOp attention : findOps<AttentionOp>(getOperation()))
      foldBias(attention, uses);
    uses.eraseUnused();
  }
};

} // namespace

} // namespace lmopt::lm
