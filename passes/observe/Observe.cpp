// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model that also gives what its linears read. In: a module. Out: @encode with further results. From techniques 15.1.
// Tested by test/passes/observe.
#include "passes/observe/Observe.h"

#include "dialects/lm/Lm.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMOBSERVEPASS
#include "passes/observe/Observe.h.inc"

namespace {

struct Observe : impl::LmObservePassBase<Observe> {
  using LmObservePassBase::LmObservePassBase;

  void runOnOperation() override {
    if (failed(observe()))
      signalPassFailure();
  }

  LogicalResult observe() {
    ModuleOp module = getOperation();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    FailureOr<func::FuncOp> function = findModelFunction(module);
    if (failed(selection) || failed(function))
      return failure();
    llvm::SmallVector<ObservedValue> observed = findObservedValues(module, *selection);
    if (observed.empty())
      return module.emitError("lm-observe: no linear reads rows that could be observed");
    FailureOr<OwningOpRef<ModuleOp>> observer = buildObserver(*function, wholeSegment(*function), observed, {}, true);
    if (failed(observer))
      return failure();
    replaceContents(module, **observer);
    return success();
  }

  /// The ops and lm.config of the other one.
  static void replaceContents(ModuleOp module, ModuleOp other) {
    module.getBody()->clear();
    module.getBody()->getOperations().splice(module.getBody()->end(), other.getBody()->getOperations());
    module->setAttr("lm.config", other->getAttr("lm.config"));
  }
};

} // namespace

} // namespace lmopt::lm
