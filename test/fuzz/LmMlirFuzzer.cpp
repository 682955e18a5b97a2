// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fuzz-lm-mlir: any text as model.mlir, the way `lmopt import` and `lmopt inspect` take it: the checks of
// files/ModuleText.h, MLIR's parser, the verifiers, the facts that inspect tells, the names of parts, the printer.
// What is accepted must print, and the printed text must be accepted again with the same print. As lmopt-opt takes it,
// other dialects and half models are welcome too; left out there are affine maps, in whose parser the faults are
// upstream's (strangers' modules with them are refused).
// Corpus: test/fuzz/corpus/fuzz-lm-mlir, from the examples of the dialect, hostile_modules.py and what was found. Every
// ctest also runs it on mutations of the corpus (MutateMain.cpp).
#include "dialects/lm/Lm.h"
#include "files/ModuleText.h"
#include "frontends/ModuleFile.h"
#include "test/fuzz/MlirFuzz.h"
#include "tools/lmopt/Describe.h"

#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"

#include <cstdint>

using namespace mlir;

/// import and inspect.
static void asStranger(const std::string &text, MLIRContext &context) {
  lmopt::Result<lmopt::ImportedModel> model = lmopt::readModuleText(text, "/nowhere/m.mlir", context);
  if (!model) {
    if (model.error().message.empty() || model.error().code < 2)
      fail("is refused without a reason", text);
    return;
  }
  nlohmann::ordered_json facts = lmopt::driver::describeModule(*model->module);
  (void)facts.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  for (bool generic : {false, true}) {
    std::string printed = print(*model->module, generic);
    if (generic && !lmopt::checkModuleText(printed, "m.mlir", lmopt::ModuleSource::Stranger))
      continue; // a region has two brackets there, so what was deep is twice as deep
    lmopt::Result<lmopt::ImportedModel> again = lmopt::readModuleText(printed, "/nowhere/m.mlir", context);
    if (!again || print(*again->module, generic) != printed)
      fail("does not survive printing", printed);
  }
}

/// lmopt-opt.
static void asEngineer(const std::string &text, MLIRContext &context) {
  if (StringRef(text).contains("affine_") || !lmopt::checkModuleText(text, "m.mlir", lmopt::ModuleSource::Engineer))
    return;
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return;
  std::string printed = print(*module);
  OwningOpRef<ModuleOp> again = parseSourceString<ModuleOp>(printed, &context);
  if (!again || print(*again) != printed)
    fail("does not survive printing", printed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string text(reinterpret_cast<const char *>(data), size); // the lexer wants a zero at the end
  MLIRContext &context = freshContext(lmopt::lm::registerDialects);
  ScopedDiagnosticHandler silence(&context, [](Diagnostic &) { return success(); });
  asStranger(text, context);
  if (!StringRef(text).starts_with("ML\xef"))
    asEngineer(text, context);
  return 0;
}
