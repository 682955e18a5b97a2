// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt-compiler`: the half of `lmopt` that links MLIR and LLVM. Started by lmopt; see CommandLine.h.
#include "codegen/link/LinkLibrary.h"
#include "files/AtomicFile.h"
#include "tools/lmopt/CommandLine.h"
#include "tools/lmopt/CompilerCommands.h"

#include "llvm/Support/Signals.h"

#include <csignal>
#include <thread>

#include <unistd.h>

/// SIGINT, SIGTERM and SIGHUP, but for those that this process was started to ignore.
static sigset_t endingSignals() {
  sigset_t ending;
  sigemptyset(&ending);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction now = {};
    sigaction(signal, nullptr, &now);
    if (now.sa_handler != SIG_IGN)
      sigaddset(&ending, signal);
  }
  return ending;
}

static void endWhenToldTo(const sigset_t &ending) {
  for (int signal = 0; sigwait(&ending, &signal) != 0;) {
  }
  lmopt::link::waitForLinker();
  llvm::sys::RunInterruptHandlers(); // what LLVM's linker has left
  lmopt::removeUnfinishedFiles();
  static const char message[] = "lmopt: error: interrupted\n";
  (void)!write(STDERR_FILENO, message, sizeof message - 1);
  _exit(lmopt::driver::kExitInterrupted);
}

/// A thread that waits for them; all others, which inherit the mask, never see them. So whoever is asked to end knows
/// what the others are at, as a handler in the middle of one of them cannot.
static void handleEndingSignals() {
  sigset_t ending = endingSignals();
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  std::thread(endWhenToldTo, ending).detach();
}

int main(int argc, char **argv) {
  std::signal(SIGPIPE, SIG_IGN);
  handleEndingSignals();
  llvm::sys::AddSignalHandler([](void *) { lmopt::removeUnfinishedFiles(); }, nullptr); // a crash
  return lmopt::driver::runCommandLine(argc, argv,
                                       {lmopt::driver::importSource, lmopt::driver::compileSource,
                                        lmopt::driver::calibrateSource, lmopt::driver::compressSource,
                                        lmopt::driver::tellSensitivity, lmopt::driver::inspectSource,
                                        lmopt::driver::recipeTable});
}
