// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Interleaved rotary positions become half-split ones by permuting rows of the query and key projections.
// In: lm.attention with either layout. Out: layout half where queries and keys come from linears of their own.
// From techniques 3.3. Exact bit for bit. Tested by test/passes/normalize-rope.
#include "passes/normalize-rope/NormalizeRope.h"

#include "dialects/lm/Lm.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMNORMALIZEROPEPASS
#include "passes/normalize-rope/NormalizeRope.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-normalize-rope";

/// Permutes the rows of each head in the projection (and its bias), so that its output comes in half-split order.
static void permuteRows(LinearOp linear, int64_t heads, int64_t dims, ParamUses &uses) {
  auto permuted = [&](Attribute source) {
    return PermuteRopeAttr::get(linear.getContext(), source, heads, RopeLayout::interleaved, dims);
  };
  ParamOp weight = uses.lookup(linear.getWeightAttr());
  weight.setValueAttr(permuted(weight.getValue()));
  if (FlatSymbolRefAttr bias = linear.getBiasAttr())
    uses.setBias(linear, permuted(uses.lookup(bias).getValue()));
}

static void normalize(AttentionOp attention, ParamUses &uses) {
  RopeAttr rope = attention.getRopeAttr();
  if (!rope || rope.getLayout() != RopeLayout::interleaved)
    return;
  LinearOp query = getOwnLinear(attention.getQuery(), uses), key = getOwnLinear(attention.getKey(), uses);
  if (!query || !key)
    return tellMissed(kPass, "KeptLayout", attention,
                      Twine(query ? "the key" : "the query") + " is not made by a linear of its own");
  // Zero stands for the whole head: the shorter form when the rotation is not partial.
  int64_t dims = rope.getDims() == attention.getHeadWidth() ? 0 : rope.getDims();
  permuteRows(query, attention.getHeads(), dims, uses);
  permuteRows(key, attention.getKvHeads(), dims, uses);
  attention.setRopeAttr(
      RopeAttr::get(rope.getContext(), rope.getBase(), rope.getDims(), RopeLayout::half, rope.getScaling()));
  tellPassed(kPass, "NormalizedRope", attention);
}

namespace {

struct NormalizeRope : impl::LmNormalizeRopePassBase<NormalizeRope> {
  void runOnOperation() override {
    ParamUses uses(getOperation());
    for (AttentionOp attention : findOps<AttentionOp>(getOperation()))
      normalize(attention, uses);
    uses.eraseUnused();
  }
};

} // namespace

} // namespace lmopt::lm
