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

static void expand(AttentionOp attention) {
  OpBuilder builder(attention);
  auto append = CacheAppendOp::create(builder, attention.getLoc(), attention.getKey(), attention.getValue(),
                                      attention.getCache(), attention.getLengths(), attention.getLayer(),
                                      attention.getKvHeads(), attention.getRopeAttr(), attention.getElementAttr());
  auto attend = AttendOp::create(builder, attention.getLoc(), attention.getQuery(), append, attention.getHeads(),
                                 attention.getScale().convertToDouble(), attention.getMask());
  attend.getResult().setType(
      attention.getResult().getType()); // batch and sequence may be known where the query's are not
  takePartName(append, attention);
  takePartName(attend, attention);
  tellPassed(kPass, "ExpandedAttention", attention);
  attention.getResult().replaceAllUsesWith(attend.getResult());
  if (attention.getNextCache())
    attention.getNextCache().replaceAllUsesWith(append.getResult());
  attention.erase();
}

void expandAttention(ModuleOp module) {
  for (AttentionOp attention : findOps<AttentionOp>(module))
    expand(attention);
}

namespace {

struct ExpandAttention : impl::LmExpandAttentionPassBase<ExpandAttention> {
  void runOnOperation() override { expandAttention(getOperation()); }
};

} // namespace

} // namespace lmopt::lm
