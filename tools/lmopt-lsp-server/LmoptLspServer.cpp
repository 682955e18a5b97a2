// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lmopt-lsp-server: errors, definitions and hover texts of lm modules in an editor. The server itself comes from the
// shared libMLIR.
// Tested by test/tools/lsp-server.test.

#include "dialects/lm/Lm.h"

#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  lmopt::lm::registerDialects(registry);
  return failed(mlir::MlirLspServerMain(argc, argv, registry)) ? EXIT_FAILURE : EXIT_SUCCESS;
}
