// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `--lookup`, `--draft` and `--guesses`: what the commands that generate text have in common of
// lmopt_session_speculate.
//
// In: options. Out: a session that guesses; the tokens are those of one that does not. Tested by
// test/tools/lmopt/speculation.sh.
#ifndef LMOPT_TOOLS_LMOPT_SPECULATION_H
#define LMOPT_TOOLS_LMOPT_SPECULATION_H

#include "tools/lmopt/Command.h"
#include "tools/lmopt/Model.h"

#include <optional>
#include <string>

namespace lmopt::driver {

struct SpeculationOptions {
  bool lookup = false;
  std::string draft; // an artifact; empty: none
  int guesses = 0;   // most at once; 0: the runtime's default

  bool wanted() const { return lookup || !draft.empty(); }
};

void addSpeculation(Command command, SpeculationOptions &options);

/// Options with their draft opened, for any number of sessions.
class Speculation {
public:
  /// An error of usage where an option is missing that another needs; `command` is named in what is said of the draft.
  static Result<Speculation> open(const SpeculationOptions &options, const std::string &command);
  /// Nothing, where nothing is wanted.
  Result<void> start(lmopt_session_t *session) const;

private:
  SpeculationOptions options;
  std::optional<Model> draft;
};

/// What came of it so far.
lmopt_speculation_info_t speculationOf(const lmopt_session_t *session);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_SPECULATION_H
