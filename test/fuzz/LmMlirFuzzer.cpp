// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fuzz-lm-mlir: any text as a module of the lm dialect, as `lmopt compile model.mlir` reads it. What parses and
// verifies must print, and the printed text must parse again to the same print.
//
// Left out, because the faults are upstream's, not ours: nesting deeper than 64 brackets (the parser of MLIR recurses
// without a limit) and affine/location syntax (`affine_map`, `affine_set`, `loc(`), which no lmopt module needs to
// carry.
#include "dialects/lm/Lm.h"

#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"

#include <cstdint>
#include <cstdlib>
#include <memory>

using namespace mlir;

/// The packaged libMLIR is not sanitized: it shares arenas and containers with our code without telling
/// AddressSanitizer which parts are in use, so the checks that need to be told would report what is no fault.
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0:detect_container_overflow=0:alloc_dealloc_mismatch=0:detect_leaks=0";
}

static bool isLeftOut(StringRef text) {
  int depth = 0, deepest = 0;
  for (char c : text) {
    depth += StringRef("([{<").contains(c) - StringRef(")]}>").contains(c);
    deepest = std::max(deepest, depth);
  }
  return deepest > 64 || text.contains("affine_") || text.contains("loc(");
}

/// Attributes live as long as their context, so a new one now and then.
static MLIRContext &freshContext() {
  static std::unique_ptr<MLIRContext> context;
  static int runs = 0;
  if (runs++ % 256 == 0) {
    DialectRegistry registry;
    lmopt::lm::registerDialects(registry);
    context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
  }
  return *context;
}

static std::string print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  return text;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string text(reinterpret_cast<const char *>(data), size); // the lexer wants a zero at the end
  if (isLeftOut(text))
    return 0;
  MLIRContext &context = freshContext();
  ScopedDiagnosticHandler silence(&context, [](Diagnostic &) { return success(); });
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return 0;
  std::string printed = print(*module);
  OwningOpRef<ModuleOp> again = parseSourceString<ModuleOp>(printed, &context);
  if (!again || print(*again) != printed) {
    llvm::errs() << "does not survive printing:\n" << printed;
    abort();
  }
  return 0;
}
