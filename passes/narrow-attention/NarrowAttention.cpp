// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention in bf16: half the cache to read in decode, twice the products an instruction in prefill.
// In: lm.attention. Out: the same `as bf16`. Bound: relative error 2^-9 of each factor, so a score is off by at most 2^-8 of
// the sum of magnitudes of its products. Tested by test/passes/narrow-attention.
#include "passes/narrow-attention/NarrowAttention.h"

#include "dialects/lm/Lm.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMNARROWATTENTIONPASS
#include "passes/narrow-attention/NarrowAttention.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-narrow-attention";

static void narrow(AttentionOp attention) {
  if (attention.isBf16())
    return;
  if (attention.getHeadWidth() % 2 != 0)
    return tellMissed(kPass, "KeptElement", attention, "heads of odd width");
  attention.setElementAttr(TypeAttr::get(BFloat16Type::get(attention.getContext())));
  tellPassed(kPass, "NarrowedAttention", attention);
}

namespace {

struct NarrowAttention : impl::LmNarrowAttentionPassBase<NarrowAttention> {
  void runOnOperation() override {
    for (AttentionOp attention : findOps<AttentionOp>(getOperation()))
      narrow(attention);
  }
};

} // namespace

} // namespace lmopt::lm
