// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How much of an activation fires; see FiringShares.h.
#include "passes/analysis/FiringShares.h"

using namespace mlir;

namespace lmopt::lm {

FailureOr<FiringShares> FiringShares::open(ModuleOp module, const std::string &path) {
  FiringShares shares;
  FailureOr<LayerSelection> all = LayerSelection::create(module, {}, {});
  shares.observed = findObservedValues(module, *all);
  if (path.empty())
    return shares;
  FailureOr<Statistics> statistics = Statistics::open(module, path);
  if (failed(statistics))
    return failure();
  shares.opened = std::move(*statistics);
  return shares;
}

const ObservedValue *FiringShares::find(Value value) const {
  const auto *found = llvm::find_if(observed, [&](const ObservedValue &each) { return each.value == value; });
  return found == observed.end() ? nullptr : found;
}

FailureOr<double> FiringShares::of(Value value) const {
  if (!opened)
    return kAssumed;
  if (const ObservedValue *measured = find(value))
    return opened->readPositiveShare(*measured);
  return emitError(value.getLoc()) << "statistics: no linear reads this value as rows, so nothing was measured";
}

} // namespace lmopt::lm
