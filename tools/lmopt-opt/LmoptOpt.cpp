// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lmopt-opt: the compiler engineer's door. Reads a module, runs any pass of lmopt (and the general ones: canonicalize,
// cse, symbol-dce, inline) or the reference interpreter on it, writes a module. MlirOptMain comes from the shared
// libMLIR.
// Tested by every lit test.

#include "dialects/lm/Lm.h"
#include "dialects/lm/interpreter/Interpreter.h"
#include "passes/AllPasses.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  lmopt::lm::registerDialects(registry);
  mlir::registerTransformsPasses();
  lmopt::registerAllPasses();
  lmopt::lm::registerInterpretPass();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "lmopt optimizer driver\n", registry));
}
