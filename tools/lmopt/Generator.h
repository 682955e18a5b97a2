// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One stream of generated text: feeds a prompt, chooses tokens, turns them into text.
//
// In: the tokens of the whole conversation so far; only what the session does not hold yet is computed. Out: tokens,
// and pieces of text that never stop inside a character. Tested by test/tools/lmopt and test/e2e.
#ifndef LMOPT_TOOLS_LMOPT_GENERATOR_H
#define LMOPT_TOOLS_LMOPT_GENERATOR_H

#include "tools/lmopt/Model.h"
#include "tools/lmopt/Speculation.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lmopt::driver {

/// Why a text ends: the model's own end of text, the limit of tokens, or a session that holds no more.
enum class Stop { EndOfText, Length, Context };

/// What one call of generate() made, and how long it took.
struct Generation {
  std::vector<int32_t> tokens; // without the token that ended the text
  std::string text;
  Stop stop = Stop::Length;
  int64_t computedPromptTokens = 0;
  double promptSeconds = 0;
  double stepSeconds = 0;
  int64_t passes = 0, guesses = 0, accepted = 0; // of a session that guesses
};

class Generator {
public:
  static Result<Generator> create(const Model &model, const SessionSettings &settings,
                                  const lmopt_sampler_options_t &sampling, const Speculation &speculation,
                                  const Context &context);

  using Show = std::function<Result<void>(std::string_view)>;

  /// Continues `prompt` by at most `limit` tokens (negative: no limit). `show` gets each piece of text as it becomes
  /// certain.
  Result<Generation> generate(const std::vector<int32_t> &prompt, int64_t limit, const Show &show);

  /// What a user can do about a session that is too short for this many tokens; nothing that would not help.
  std::string contextAdvice(int64_t tokens) const;
  /// A line about a text that ended because the session was full.
  std::string contextNote() const;

private:
  Generator() = default;
  Result<void> feed(const std::vector<int32_t> &prompt, Generation &generation);
  /// One call of generate() under way.
  struct Run {
    Generation &generation;
    const Show &show;
    Result<void> shown; ///< what ended it
  };
  bool take(int32_t token, Run &run);
  Result<void> showPiece(std::string_view piece, Run &run);
  int64_t roomFor(int64_t limit) const;
  Result<void> follow(int64_t count, Run &run);
  Result<void> step(Generation &generation, int64_t limit, const Show &show);

  SessionPtr session;
  SamplerPtr sampler;
  DetokenizerPtr detokenizer;
  const lmopt_tokenizer_t *tokenizer = nullptr;
  std::vector<float> logits;
  std::vector<int32_t> held; // tokens in the session; with a window: also those it has forgotten
  bool endless = false;      // the session has a window
  int64_t longest = 0;       // positions that the model can tell apart: the most that a session may hold
};

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_GENERATOR_H
