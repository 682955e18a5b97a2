// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fuzz-plan-mlir: any module that lmopt-opt accepts, planned: plan-form-steps, cpu-choose-layouts and cpu-schedule on
// it, as far as each accepts it. What they make must verify and survive printing. Nothing is emitted. Left out are
// texts that hold steps already: when the parser of the packaged MLIR fails inside a region that is not isolated, it
// frees what a forward reference from outside still uses (the same with scf.for). Corpus:
// test/fuzz/corpus/fuzz-plan-mlir. Every ctest also runs it on mutations (MutateMain.cpp).
#include "codegen/cpu/ChooseLayouts.h"
#include "codegen/cpu/SchedulePrograms.h"
#include "codegen/lower/Lower.h"
#include "codegen/plan/FormSteps.h"
#include "dialects/lm/Lm.h"
#include "files/ModuleText.h"
#include "test/fuzz/MlirFuzz.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <cstdint>

using namespace mlir;
using namespace lmopt;

static void registerDialects(DialectRegistry &registry) {
  lm::registerDialects(registry);
  lower::registerDialects(registry);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string text(reinterpret_cast<const char *>(data), size);
  if (StringRef(text).contains("affine_") || StringRef(text).starts_with("ML\xef") ||
      StringRef(text).contains("plan.") || StringRef(text).contains("scf.") ||
      !checkModuleText(text, "m.mlir", ModuleSource::Engineer))
    return 0;
  MLIRContext &context = freshContext(registerDialects);
  ScopedDiagnosticHandler silence(&context, [](Diagnostic &) { return success(); });
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return 0;
  if (failed(plan::formSteps(*module)) || failed(cpu::chooseLayouts(*module)) || failed(cpu::schedulePrograms(*module)))
    return 0;
  std::string printed = print(*module);
  OwningOpRef<ModuleOp> again = parseSourceString<ModuleOp>(printed, &context);
  if (failed(verify(*module)) || !again || print(*again) != printed)
    fail("is planned, but does not verify or survive printing", printed);
  return 0;
}
