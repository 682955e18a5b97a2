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

/// The bias_add directly before or after the positions, or null.
static BiasAddOp findNeighbour(AddPositionsOp positions) {
  if (auto before = positions.getInput().getDefiningOp<BiasAddOp>())
    return before;
  for (Operation *user : positions.getResult().getUsers())
    if (auto after = dyn_cast<BiasAddOp>(user))
      return after;
  return {};
}

static void fold(AddPositionsOp positions, ParamUses &uses) {
  BiasAddOp vector = findNeighbour(positions);
  if (!vector)
    return;
  ParamOp table = uses.lookup(positions.getTableAttr());
  Operation *first = vector->isBeforeInBlock(positions) ? vector.getOperation() : positions.getOperation();
  if (!first->getResult(0).hasOneUse())
    return tellMissed(kPass, "KeptVector", vector, "something else uses the value between vector and positions");
  if (!uses.isOnlyUsedBy(table, positions))
    return tellMissed(kPass, "KeptVector", vector, "something else uses @" + table.getSymName());
  Attribute row = uses.lookup(vector.getVectorAttr()).getValue();
  table.setValueAttr(AddToRowsAttr::get(table.getContext(), table.getValue(), row));
  tellPassed(kPass, "FoldedVector", vector) << remark::metric("Table", table.getSymName().str());
  uses.forget(vector);
  vector.getResult().replaceAllUsesWith(vector.getInput());
  vector.erase();
}

namespace {

struct FoldTokenType : impl::LmFoldTokenTypePassBase<FoldTokenType> {
  void runOnOperation() override {
    ParamUses uses(getOperation());
    llvm::SmallVector<AddPositionsOp> found;
    getOperation().walk([&](AddPositionsOp positions) { found.push_back(positions); });
    for (AddPositionsOp positions : found)
      fold(positions, uses);
    uses.eraseUnused();
  }
};

} // namespace

} // namespace lmopt::lm
