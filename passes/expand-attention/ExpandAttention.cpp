// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention as its two halves:  y, c' = attention(q, k, v, c)  ==>  c' = append(k, v, c), y = attend(q, c').
// In: lm.attention. Out: lm.cache_append and lm.attend, which mean the same one after the other; one walk over the ops.
// Tested by test/passes/expand-attention.
#include "passes/expand-attention/ExpandAttention.h"

#include "dialects/lm/Lm.h"
#include "dialects/lm/PartNames.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMEXPANDATTENTIONPASS
#include "passes/expand-attention/ExpandAttention.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-expand-attention";

namespace {

struct ExpandAttention : impl::LmExpandAttentionPassBase<ExpandAttention> {
  void runOnOperation() override {
    for (AttentionOp attention : findOps<AttentionOp>(getOperation())) {
      tellPassed(kPass, "ExpandedAttention", attention);
      attention.expand();
    }
  }
};

} // namespace

} // namespace lmopt::lm
