// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From options to sessions that guess; see Speculation.h.
#include "tools/lmopt/Speculation.h"

namespace lmopt::driver {

void addSpeculation(Command command, SpeculationOptions &options) {
  command.addFlag("--lookup", options.lookup,
                  "guess tokens from where the latest ones stood before, in prompt and text: the same text, faster "
                  "where it repeats or edits another; CPUs only");
  command
      .add("--draft", options.draft,
           "guess tokens with this smaller model of the same vocabulary: the same text, faster where the two agree; "
           "CPUs only")
      .notEmpty();
  command
      .add("--guesses", options.guesses,
           "with --lookup or --draft: most tokens guessed at once (default: as many as pay, at most 15)")
      .between(1, 15);
}

Result<Speculation> Speculation::open(const SpeculationOptions &options, const std::string &command) {
  if (options.guesses && !options.wanted())
    return Error{kErrorUsage, "--guesses says how many tokens are guessed: it needs --lookup or --draft"};
  Speculation speculation;
  speculation.options = options;
  if (options.draft.empty())
    return speculation;
  Result<Model> draft = openModel(options.draft, LMOPT_MODEL_DECODER, command + " --draft");
  if (!draft.ok())
    return draft.error();
  speculation.draft = draft.take();
  return speculation;
}

Result<void> Speculation::start(lmopt_session_t *session) const {
  if (!options.wanted())
    return {};
  lmopt_speculation_options_t wanted{};
  wanted.struct_size = sizeof wanted;
  wanted.lookup = options.lookup ? 1 : 0;
  wanted.draft = draft ? draft->handle.get() : nullptr;
  wanted.most = options.guesses;
  lmopt_error_t error{};
  if (lmopt_session_speculate(session, &wanted, &error) != LMOPT_OK)
    return runtimeError(error);
  return {};
}

lmopt_speculation_info_t speculationOf(const lmopt_session_t *session) {
  lmopt_speculation_info_t info{};
  info.struct_size = sizeof info;
  lmopt_session_get_speculation(session, &info, nullptr); // fills in whatever the session is
  return info;
}

} // namespace lmopt::driver
