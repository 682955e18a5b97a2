// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every command of the driver gets: how talkative to be, where results go, and whether the user has lost patience.
//
// stdout carries results only, and every write to it is checked: a full disk or a reader that went away must not look
// like success. stderr carries messages and progress. Tested by test/tools/lmopt.
#ifndef LMOPT_TOOLS_LMOPT_CONTEXT_H
#define LMOPT_TOOLS_LMOPT_CONTEXT_H

#include "files/Status.h"
#include "lmopt/lmopt.h"

#include <string>
#include <string_view>

namespace lmopt::driver {

/// Exit codes that only the driver uses, beside those of ErrorCode. All of them are lmopt_status_t as well.
inline constexpr int kExitInterrupted = 130;
inline constexpr int kExitQuality = 6; // a budget of quality was missed

struct Context {
  bool quiet = false;   // no progress and no notes on stderr; errors are still told
  bool verbose = false; // timings of run, decisions of compile, on stderr
  /// Set by SIGINT and SIGTERM; calls of the runtime look at it.
  lmopt_cancel_t *cancel = nullptr;
};

/// Who computes: threads of this process, or a GPU.
struct Place {
  int threads = 0;    // 0: as many as suit this machine
  std::string device; // as lmopt_team_options_t; "": threads
};

/// Writes a piece of the result to stdout.
Result<void> writeOutput(std::string_view text);
/// Makes what was written visible now, e.g. each word of a generated text.
Result<void> flushOutput();

/// A line on stderr that is not an error: "lmopt: TEXT". Nothing with --quiet.
void note(const Context &context, std::string_view text);

/// Whether SIGINT or SIGTERM has arrived.
bool interrupted(const Context &context);
/// The error to return then.
Error interruption();

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_CONTEXT_H
