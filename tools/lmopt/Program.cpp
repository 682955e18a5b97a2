// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What both programs do around a command: standard streams, signals, the message and the exit code. See CommandLine.h.
#include "tools/lmopt/CommandLine.h"

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include <fcntl.h>
#include <unistd.h>

namespace lmopt::driver {

//===----------------------------------------------------------------------===//
// Interruption
//===----------------------------------------------------------------------===//

static lmopt_cancel_t cancelFlag;

/// The first signal asks politely, the second one does not.
static void onSignal(int) {
  if (__atomic_load_n(&cancelFlag.requested, __ATOMIC_RELAXED))
    _exit(kExitInterrupted);
  lmopt_cancel_request(&cancelFlag);
}

/// For programs that only run models; the compiler has its own (CompilerMain.cpp), which clean up files.
static void installSignalHandlers() {
  struct sigaction action = {};
  action.sa_handler = onSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // A reader that goes away shall be an error of the write, with a message and an exit code.
  std::signal(SIGPIPE, SIG_IGN);
}

/// A closed standard stream leaves its number to the next file that is opened, and messages would go into that file.
/// What stands there now cannot be used in the wrong direction, so reading and writing fail as they should.
static void holdStandardStreams() {
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) < 0)
      (void)open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/// An error is one line, so that logs and scripts can hold it; --verbose leaves dumps as they are.
static std::string oneLine(const std::string &message) {
  std::string line;
  for (char c : message) {
    bool space = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (!space)
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  return line.substr(0, line.find_last_not_of(' ') + 1);
}

int runCommandLine(int argc, char **argv, const CompilerCommands &compiler) {
  holdStandardStreams();
  if (!compiler.compile)
    installSignalHandlers();
  CommandLine line;
  line.arguments.assign(argv + 1, argv + argc);
  line.compiler = compiler;
  line.context.cancel = &cancelFlag;
  addCommands(line);
  Error error;
  try {
    Result<void> result = parseAndRun(line);
    if (result.ok())
      return 0;
    error = result.error();
  } catch (const std::bad_alloc &) {
    error = resourceError("out of memory");
  } catch (const std::exception &exception) {
    error = Error{kErrorInternal, std::string("internal error: ") + exception.what()};
  }
  std::string message = line.context.verbose ? error.message : oneLine(error.message);
  std::fprintf(stderr, "lmopt: error: %s\n", message.c_str());
  return error.code;
}

} // namespace lmopt::driver
