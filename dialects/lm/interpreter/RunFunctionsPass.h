// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes that run functions (--lm-interpret, --lm-run-compiled), but for how one is run: their options, which
// functions they take, and that results go to Expectation.h. The module stays as it is.
// Without `entry` every function runs that takes nothing but caches (they begin empty).
// Tested by test/dialects/lm/interpret/options.mlir and test/codegen/run-compiled/options.mlir.

#ifndef LMOPT_DIALECTS_LM_INTERPRETER_RUNFUNCTIONSPASS_H
#define LMOPT_DIALECTS_LM_INTERPRETER_RUNFUNCTIONSPASS_H

#include "dialects/lm/interpreter/Interpreter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

class RunFunctionsPass : public mlir::OperationPass<mlir::ModuleOp> {
protected:
  explicit RunFunctionsPass(mlir::TypeID id) : OperationPass(id) {}
  RunFunctionsPass(const RunFunctionsPass &other) : OperationPass(other) {}

  using Results = mlir::FailureOr<std::vector<RuntimeValue>>;
  /// Runs the chosen functions and reports their results, up to the first that fails; then the pass fails, too.
  void runFunctions(llvm::function_ref<Results(mlir::func::FuncOp)> run, double leastTolerance = 0);
  /// Where file names of weights start.
  std::string weightDirectory();

  ListOption<std::string> entry{*this, "entry",
                                llvm::cl::desc("functions to run (default: all that take only caches)")};
  ListOption<int32_t> ids{*this, "ids", llvm::cl::desc("token ids for the argument of type tensor<?x?xi32>")};
  Option<int64_t> top{*this, "top", llvm::cl::init(0),
                      llvm::cl::desc("print only the largest numbers of the last row, so many")};
  Option<int> digits{*this, "digits", llvm::cl::init(6), llvm::cl::desc("digits of printed numbers (9 are exact)")};
  Option<std::string> directory{*this, "directory",
                                llvm::cl::desc("where file names of weights start (default: the module's folder)")};
};

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_INTERPRETER_RUNFUNCTIONSPASS_H
