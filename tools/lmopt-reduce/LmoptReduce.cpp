// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lmopt-reduce FILE --test=SCRIPT [-o FILE]: makes a module that shows a fault smaller. The script is run with the name
// of a file that holds a smaller module; exit code 0 says that it still shows the fault. Tested by
// test/tools/reduce.test.

#include "tools/lmopt-reduce/Reduce.h"
#include "tools/support/ModuleTool.h"

#include "mlir/Parser/Parser.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

// NOLINTBEGIN(bugprone-throwing-static-initialization): how LLVM's tools state their options
static llvm::cl::opt<std::string> inputFile(llvm::cl::Positional, llvm::cl::Required, llvm::cl::desc("module.mlir"));
static llvm::cl::opt<std::string> testScript("test", llvm::cl::Required, llvm::cl::value_desc("script"),
                                             llvm::cl::desc("called with a file; exit code 0 means: interesting"));
static llvm::cl::opt<std::string> outputFile("o", llvm::cl::init("-"), llvm::cl::desc("where the result goes"));
// NOLINTEND(bugprone-throwing-static-initialization)

static int fail(const llvm::Twine &message) {
  llvm::errs() << "lmopt-reduce: " << message << '\n';
  return EXIT_FAILURE;
}

static std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream(text) << module << '\n';
  return text;
}

/// Writes the module to a temporary file and asks the script.
static bool isInteresting(ModuleOp module) {
  SmallString<128> path;
  int descriptor;
  if (llvm::sys::fs::createTemporaryFile("lmopt-reduce", "mlir", descriptor, path))
    return false;
  {
    llvm::raw_fd_ostream out(descriptor, /*shouldClose=*/true);
    out << textOf(module);
  }
  llvm::FileRemover remover(path);
  llvm::sys::RemoveFileOnSignal(path);
  auto forget = llvm::scope_exit([&] { llvm::sys::DontRemoveFileOnSignal(path); });
  return llvm::sys::ExecuteAndWait(testScript, {testScript, path}) == 0;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  lmopt::cleanUpOnSignals();
  llvm::cl::ParseCommandLineOptions(argc, argv, "makes a module of lmopt smaller\n");
  DialectRegistry registry;
  lmopt::lm::registerDialects(registry);
  MLIRContext context(registry);
  if (lmopt::Result<void> checked = lmopt::checkModuleOutput(outputFile); !checked)
    return fail(checked.error().message);
  lmopt::Result<std::unique_ptr<llvm::MemoryBuffer>> buffer = lmopt::readModuleBuffer(inputFile);
  if (!buffer)
    return fail(buffer.error().message);
  llvm::SourceMgr source;
  source.AddNewSourceBuffer(buffer.take(), llvm::SMLoc());
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(source, &context);
  if (!module)
    return fail("cannot read " + inputFile);
  if (!isInteresting(*module))
    return fail("the script " + testScript + " does not call " + inputFile +
                " interesting (exit code 0) or cannot run");

  module = lmopt::reduceModule(std::move(module), isInteresting);
  lmopt::Result<void> written = lmopt::writeModuleText(outputFile, textOf(*module));
  return written ? EXIT_SUCCESS : fail(written.error().message);
}
