// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A vector that is added to all tokens goes into the position table:  (x + v) + P[t] = x + (P[t] + v).
// In: lm.bias_add next to lm.add_positions, in either order. Out: lm.add_positions only. From techniques 3.4e.
// Exact up to f32 rounding. Tested by test/passes/fold-token-type.
#include "passes/fold-token-type/FoldTokenType.h"

#include "dialects/lm/Lm.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMFOLDTOKENTYPEPASS
#include "passes/fold-token-type/FoldTokenType.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-fold-token-type";

/// The bias_add directly before or after the positions, or null. `between` is the value that only the two may see.
static BiasAddOp findNeighbour(AddPositionsOp positions, Value &between) {
  between = positions.getInput();
  if (auto before = between.getDefiningOp<BiasAddOp>())
    return before;
  between = positions.getResult();
  for (Operation *user : between.getUsers())
    if (auto after = dyn_cast<BiasAddOp>(user))
      return after;
  return {};
}

/// Folds one vector; false when there is none or it must stay.
static bool fold(AddPositionsOp positions, ParamUses &uses) {
  Value between;
  BiasAddOp vector = findNeighbour(positions, between);
  if (!vector)
    return false;
  ParamOp table = uses.lookup(positions.getTableAttr());
  if (!between.hasOneUse()) {
    tellMissed(kPass, "KeptVector", vector, "something else uses the value between vector and positions");
    return false;
  }
  if (!uses.isOnlyUsedBy(table, positions)) {
    tellMissed(kPass, "KeptVector", vector, "something else uses @" + table.getSymName());
    return false;
  }
  Attribute row = uses.lookup(vector.getVectorAttr()).getValue();
  table.setValueAttr(AddToRowsAttr::get(table.getContext(), table.getValue(), row));
  tellPassed(kPass, "FoldedVector", vector) << remark::metric("Table", table.getSymName().str());
  uses.forget(vector);
  vector.getResult().replaceAllUsesWith(vector.getInput());
  vector.erase();
  return true;
}

namespace {

struct FoldTokenType : impl::LmFoldTokenTypePassBase<FoldTokenType> {
  void runOnOperation() override {
    ParamUses uses(getOperation());
    for (AddPositionsOp positions : findOps<AddPositionsOp>(getOperation()))
      while (fold(positions, uses)) {
      } // one vector at a time, on both sides
    uses.eraseUnused();
  }
};

} // namespace

} // namespace lmopt::lm
