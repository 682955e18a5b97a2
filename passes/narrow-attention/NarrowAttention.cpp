// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention over narrow keys and values: less cache to read in decode, more products an instruction in prefill.
// In: lm.attention. Out: the same `as bf16` or `as i8`. Bounds: bf16, relative error 2^-9 of each factor, so a score is
// off by at most 2^-8 of the sum of magnitudes of its products; i8, 1/254 of the largest number of a head in each key
// and value. Tested by test/passes/narrow-attention.
#include "passes/narrow-attention/NarrowAttention.h"

#include "dialects/lm/Lm.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMNARROWATTENTIONPASS
#include "passes/narrow-attention/NarrowAttention.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-narrow-attention";

static void narrow(AttentionOp attention, Type element) {
  if (attention.getElement())
    return;
  if (element.isBF16() && attention.getHeadWidth() % 2 != 0)
    return tellMissed(kPass, "KeptElement", attention, "heads of odd width");
  if (element.isInteger(8) && std::max(attention.getHeadWidth(), attention.getValueWidth()) > 512)
    return tellMissed(kPass, "KeptElement", attention, "heads wider than 512");
  attention.setElementAttr(TypeAttr::get(element));
  tellPassed(kPass, "NarrowedAttention", attention);
}

namespace {

struct NarrowAttention : impl::LmNarrowAttentionPassBase<NarrowAttention> {
  using LmNarrowAttentionPassBase::LmNarrowAttentionPassBase;

  void runOnOperation() override {
    Type type = element == "bf16" ? Type(BFloat16Type::get(&getContext()))
                : element == "i8" ? Type(IntegerType::get(&getContext(), 8))
                                  : Type();
    if (!type) {
      getOperation()->emitError("lm-narrow-attention: element must be `bf16` or `i8`, but is `") << element << "`";
      return signalPassFailure();
    }
    for (AttentionOp attention : findOps<AttentionOp>(getOperation()))
      narrow(attention, type);
  }
};

} // namespace

} // namespace lmopt::lm
