// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which functions run; see RunFunctionsPass.h.

#include "dialects/lm/interpreter/RunFunctionsPass.h"

#include "dialects/lm/interpreter/Expectation.h"

using namespace mlir;
using namespace lmopt::lm;

static bool takesOnlyCaches(func::FuncOp function) {
  return !function.isExternal() &&
         llvm::all_of(function.getArgumentTypes(), [](Type type) { return isa<CacheType>(type); });
}

void RunFunctionsPass::runFunctions(llvm::function_ref<Results(func::FuncOp)> run, double leastTolerance) {
  ModuleOp module = getOperation();
  for (const std::string &name : entry)
    if (!module.lookupSymbol<func::FuncOp>(name)) {
      module.emitError("there is no function @") << name;
      return signalPassFailure();
    }
  for (auto function : module.getOps<func::FuncOp>()) {
    bool chosen = entry.empty() ? takesOnlyCaches(function) : llvm::is_contained(entry, function.getSymName());
    if (!chosen)
      continue;
    Results results = run(function);
    if (failed(results) || failed(report(function, *results, {digits, top, leastTolerance})))
      return signalPassFailure();
  }
  markAllAnalysesPreserved();
}

std::string RunFunctionsPass::weightDirectory() {
  return directory.empty() ? moduleDirectory(getOperation()) : std::string(directory);
}
