// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lmopt-opt: the compiler engineer's door. Reads a module, runs any pass of lmopt (and the general ones: canonicalize,
// cse, symbol-dce, inline) or the reference interpreter on it, writes a module. MlirOptMain comes from the shared
// libMLIR. With --lm-interpret stdout is for the results: the module is then written only if -o asks for it.
// Tested by every lit test.

#include "codegen/cpu/LowerDot.h"
#include "codegen/lower/Lower.h"
#include "dialects/lm/Lm.h"
#include "dialects/lm/interpreter/Interpreter.h"
#include "dialects/lmk/Lmk.h"
#include "passes/AllPasses.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

/// The arguments, with `-o /dev/null` when results are to be printed and no file was named for the module.
static std::vector<char *> withOutput(int argc, char **argv) {
  static char option[] = "-o", nowhere[] = "/dev/null";
  std::vector<char *> arguments(argv, argv + argc);
  bool interprets = false, hasOutput = false;
  for (llvm::StringRef argument : llvm::ArrayRef(arguments).drop_front()) {
    interprets |= argument.contains("lm-interpret");
    hasOutput |= argument == "-o" || argument.starts_with("-o=");
  }
  if (interprets && !hasOutput)
    arguments.insert(arguments.end(), {option, nowhere});
  return arguments;
}

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  lmopt::lm::registerDialects(registry);
  registry
      .insert<lmopt::lmk::LmkDialect, mlir::scf::SCFDialect, mlir::vector::VectorDialect, mlir::LLVM::LLVMDialect>();
  mlir::registerTransformsPasses();
  lmopt::registerAllPasses();
  lmopt::lm::registerInterpretPass();
  lmopt::cpu::registerLowerDotPass();
  lmopt::lower::registerLowerPass();
  std::vector<char *> arguments = withOutput(argc, argv);
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(int(arguments.size()), arguments.data(), "lmopt optimizer driver\n", registry));
}
