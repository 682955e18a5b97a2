// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the fuzz targets for MLIR texts share: the settings of AddressSanitizer, a context, printing, and how a finding
// is told. For one source file of a program only. Tested by the targets that use it.
#ifndef LMOPT_TEST_FUZZ_MLIRFUZZ_H
#define LMOPT_TEST_FUZZ_MLIRFUZZ_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"

#include <cstdlib>
#include <memory>
#include <string>

/// The packaged libMLIR is not sanitized: it shares arenas and containers with our code without telling
/// AddressSanitizer which parts are in use, so the checks that need to be told would report what is no fault.
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0:detect_container_overflow=0:alloc_dealloc_mismatch=0:detect_leaks=0";
}

/// A context with the dialects that are registered. Attributes live as long as their context, so a new one now and
/// then.
static mlir::MLIRContext &freshContext(void (*registerDialects)(mlir::DialectRegistry &)) {
  static std::unique_ptr<mlir::MLIRContext> context;
  static int runs = 0;
  if (runs++ % 256 == 0) {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context = std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
  }
  return *context;
}

static std::string print(mlir::ModuleOp module, bool generic = false) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, generic ? mlir::OpPrintingFlags().printGenericOpForm() : mlir::OpPrintingFlags());
  return text;
}

[[noreturn]] static void fail(const char *what, const std::string &text) {
  llvm::errs() << what << ":\n" << text;
  abort();
}

#endif // LMOPT_TEST_FUZZ_MLIRFUZZ_H
