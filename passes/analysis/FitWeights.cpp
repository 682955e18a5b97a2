// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See FitWeights.h.
#include "passes/analysis/FitWeights.h"

#include "passes/analysis/LinearWeights.h"
#include "passes/analysis/Statistics.h"

using namespace mlir;

namespace lmopt::lm {

static LogicalResult checkOptions(ModuleOp module, const FitOptions &options) {
  if (options.damping > 0 && options.damping < 1e6)
    return success();
  return emitError(module.getLoc()) << options.pass << ": option 'damping' must be positive, found " << options.damping;
}

/// What the linears among the users read, each value once.
static llvm::SmallVector<ObservedValue> inputsOf(ArrayRef<Operation *> users, ArrayRef<ObservedValue> observed) {
  llvm::SmallVector<ObservedValue> inputs;
  for (Operation *user : users)
    if (auto linear = dyn_cast<LinearOp>(user)) {
      auto same = [&](const ObservedValue &value) { return value.value == linear.getInput(); };
      if (const auto *found = llvm::find_if(observed, same); found != observed.end() && llvm::none_of(inputs, same))
        inputs.push_back(*found);
    }
  return inputs;
}

static FitAttr keepingZeros(FitAttr fit) {
  return FitAttr::get(fit.getContext(), fit.getStatistics(), fit.getTimes(), fit.getRotated(), fit.getDamping(),
                      /*zeros=*/true);
}

FailureOr<WeightFits> fitWeights(ModuleOp module, ArrayRef<ParamOp> weights, const ParamUses &uses,
                                 const FitOptions &options) {
  WeightFits fits;
  if (failed(checkOptions(module, options)))
    return failure();
  if (options.stats.empty())
    return fits;
  FailureOr<Statistics> statistics = Statistics::open(module, options.stats);
  FailureOr<LayerSelection> all = LayerSelection::create(module, {}, {});
  if (failed(statistics) || failed(all))
    return failure();
  llvm::SmallVector<ObservedValue> observed = findObservedValues(module, *all);
  for (ParamOp weight : weights) {
    FailureOr<FitAttr> fit = statistics->fit(inputsOf(uses.users(weight), observed), options.damping);
    if (failed(fit))
      return failure();
    fits[weight] = options.keepZeros && isSparsified(weight) ? keepingZeros(*fit) : *fit;
  }
  return fits;
}

} // namespace lmopt::lm
