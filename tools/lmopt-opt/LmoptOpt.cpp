// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lmopt-opt: the compiler engineer's door. Reads a module, runs any pass of lmopt (and the general ones: canonicalize,
// cse, symbol-dce, inline) on it, or its functions, interpreted (--lm-interpret) or compiled (--lm-run-compiled);
// writes a module. The options and the work come from MlirOptMain of the shared libMLIR; files are read and written by
// tools/support, so that `-o` onto the input works and a run that fails or dies leaves the old output.
// When functions run, stdout is for their results: the module is then written only if -o asks for it.
// Tested by every lit test; files: test/tools/module-files.test.

#include "codegen/cpu/LowerDot.h"
#include "codegen/lower/Lower.h"
#include "dialects/lm/Lm.h"
#include "dialects/lm/PartNames.h"
#include "dialects/lm/interpreter/Interpreter.h"
#include "dialects/lmk/Lmk.h"
#include "passes/AllPasses.h"
#include "tools/run-compiled/RunCompiledPass.h"
#include "tools/support/ModuleTool.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Process.h"

#include <cstdio>

using namespace lmopt;

static void registerEverything(mlir::DialectRegistry &registry) {
  lm::registerDialects(registry);
  lower::registerDialects(registry);
  mlir::registerTransformsPasses();
  registerAllPasses();
  lm::registerInterpretPass();
  cpu::registerLowerDotPass();
  lower::registerLowerPasses();
  registerRunCompiledPass();
}

namespace {
/// Makes attributes of the names that modules from earlier imports have in locations, which are not printed.
struct AdoptLocationNames : mlir::PassWrapper<AdoptLocationNames, mlir::OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(AdoptLocationNames)
  llvm::StringRef getName() const override { return "adopt location names"; }
  void runOnOperation() override { lm::adoptLocationNames(getOperation()); }
};
} // namespace

/// The passes behind the first `skipped`, as parsePassPipeline reads them.
static std::string textOf(mlir::PassManager &manager, size_t skipped) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::interleave(
      llvm::drop_begin(manager.getPasses(), skipped), stream,
      [&](mlir::Pass &pass) { pass.printAsTextualPipeline(stream); }, ",");
  return text;
}

/// The pipeline of the command line, behind AdoptLocationNames for a text that has names in locations. For the second
/// module of a split file it may have to be told again: linking (--lm-run-compiled) makes LLVM forget all options.
static mlir::MlirOptMainConfig configure(llvm::StringRef text) {
  mlir::MlirOptMainConfig config = mlir::MlirOptMainConfig::createFromCLOptions();
  bool adopts = text.contains("loc(\"");
  auto known = std::make_shared<std::string>();
  mlir::MlirOptMainConfig whole = config;
  whole.setPassPipelineSetupFn([config, adopts, known](mlir::PassManager &manager) {
    if (adopts)
      manager.addPass(std::make_unique<AdoptLocationNames>());
    size_t own = manager.size();
    if (failed(config.setupPassPipeline(manager)) ||
        (manager.size() == own && failed(mlir::parsePassPipeline(*known, manager))))
      return mlir::failure();
    *known = textOf(manager, own);
    return mlir::success();
  });
  return whole;
}

/// Whether results of functions take the place of the module on stdout.
static bool printsResultsOnly(llvm::ArrayRef<char *> arguments) {
  bool runs = llvm::any_of(arguments, [](llvm::StringRef argument) {
    return argument.contains("lm-interpret") || argument.contains("lm-run-compiled");
  });
  return runs && llvm::cl::getRegisteredOptions().lookup("o")->getNumOccurrences() == 0;
}

/// The whole way from one file to the other. What MLIR reports goes to stderr by itself; then the Error is empty.
static Result<void> process(const std::string &input, const std::string &output, bool discards,
                            mlir::DialectRegistry &registry) {
  if (Result<void> checked = checkModuleOutput(output); !checked)
    return checked;
  if (input == "-" && llvm::sys::Process::StandardInIsUserInput())
    llvm::errs() << "(reads the module from standard input)\n";
  Result<std::unique_ptr<llvm::MemoryBuffer>> buffer = readModuleBuffer(input);
  if (!buffer)
    return buffer.error();
  std::string text;
  llvm::raw_string_ostream kept(text);
  bool streams = output == "-" && !discards; // what came before a fault is worth seeing
  llvm::raw_ostream &stream = streams ? static_cast<llvm::raw_ostream &>(llvm::outs()) : kept;
  mlir::MlirOptMainConfig config = configure((*buffer)->getBuffer());
  if (failed(mlir::MlirOptMain(stream, buffer.take(), registry, config)))
    return Error{};
  return discards ? Result<void>() : writeModuleText(output, text);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cleanUpOnSignals();
  mlir::DialectRegistry registry;
  registerEverything(registry);
  auto [input, output] = mlir::registerAndParseCLIOptions(argc, argv, "lmopt optimizer driver\n", registry);
  Result<void> done = process(input, output, printsResultsOnly({argv, argv + argc}), registry);
  if (!done && !done.error().message.empty())
    llvm::errs() << "lmopt-opt: error: " << done.error().message << '\n';
  return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
