// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt-compiler`: the half of `lmopt` that links MLIR and LLVM. Started by lmopt; see CommandLine.h.
#include "files/AtomicFile.h"
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/CompilerCommands.h"

#include "llvm/Support/Signals.h"

#include <csignal>

#include <unistd.h>

/// LLVM has removed the unfinished files of its linker when it calls this.
static void onInterrupt() {
  lmopt::removeUnfinishedFiles();
  static const char message[] = "lmopt: error: interrupted\n";
  (void)!write(STDERR_FILENO, message, sizeof message - 1);
  _exit(lmopt::driver::kExitInterrupted);
}

int main(int argc, char **argv) {
  std::signal(SIGPIPE, SIG_IGN);
  llvm::sys::SetInterruptFunction(onInterrupt);
  llvm::sys::AddSignalHandler([](void *) { lmopt::removeUnfinishedFiles(); }, nullptr); // a crash
  return lmopt::driver::runCommandLine(argc, argv,
                                       {lmopt::driver::importSource, lmopt::driver::compileSource,
                                        lmopt::driver::inspectSource, lmopt::driver::recipeTable});
}
