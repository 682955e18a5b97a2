// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --lm-interpret: runs functions of a module under the reference interpreter, for lit and for the curious.
// In: a module. Out: the same module; results are printed to stdout, or compared when the function says what it
// expects (Expectation.h). Which functions: RunFunctionsPass.h. Tested by test/dialects/lm/interpret.

#include "dialects/lm/interpreter/RunFunctionsPass.h"

using namespace mlir;
using namespace lmopt::lm;

namespace {

struct InterpretPass : PassWrapper<InterpretPass, RunFunctionsPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(InterpretPass)

  StringRef getArgument() const override { return "lm-interpret"; }
  StringRef getDescription() const override { return "run functions under the reference interpreter"; }
  void getDependentDialects(DialectRegistry &registry) const override { registerMeanings(registry); }
  void runOnOperation() override;

private:
  RuntimeValue makeInput(Type type);
};

} // namespace

/// Ids as one sequence, its length, or an empty cache; what does not fit is refused by the interpreter.
RuntimeValue InterpretPass::makeInput(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return reference::Cache();
  std::vector<int32_t> numbers(ids.begin(), ids.end());
  return tensor.getRank() == 1 ? makeLengths({int32_t(numbers.size())}) : makeIds(numbers);
}

void InterpretPass::runOnOperation() {
  WeightReader reader(weightDirectory());
  Interpreter interpreter(getOperation(), reader);
  runFunctions([&](func::FuncOp function) {
    std::vector<RuntimeValue> inputs;
    for (Type type : function.getArgumentTypes())
      inputs.push_back(makeInput(type));
    return interpreter.run(function.getSymName(), std::move(inputs));
  });
}

void lmopt::lm::registerInterpretPass() { PassRegistration<InterpretPass>(); }
