// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prompt, sample, detokenize, repeat. See Generator.h.
#include "tools/lmopt/Generator.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace lmopt::driver {

static double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Result<Generator> Generator::create(const Model &model, const SessionSettings &settings,
                                    const lmopt_sampler_options_t &sampling, const Speculation &speculation,
                                    const Context &context) {
  Generator generator;
  Result<const lmopt_tokenizer_t *> tokenizer = tokenizerOf(model);
  if (!tokenizer.ok())
    return tokenizer.error();
  generator.tokenizer = *tokenizer;
  Result<SessionPtr> session = createSession(model, settings, context);
  if (!session.ok())
    return session.error();
  generator.session = session.take();
  if (Result<void> started = speculation.start(generator.session.get()); !started.ok())
    return started.error();
  generator.endless = settings.window > 0;
  generator.longest = model.info.max_positions;
  generator.logits.resize(static_cast<size_t>(model.info.vocabulary));

  lmopt_error_t error{};
  lmopt_sampler_t *sampler = nullptr;
  if (lmopt_sampler_create(&sampling, model.info.vocabulary, &sampler, &error) != LMOPT_OK)
    return runtimeError(error);
  generator.sampler.reset(sampler);
  lmopt_detokenizer_t *detokenizer = nullptr;
  if (lmopt_detokenizer_create(generator.tokenizer, 0, &detokenizer, &error) != LMOPT_OK)
    return runtimeError(error);
  generator.detokenizer.reset(detokenizer);
  return generator;
}

std::string Generator::contextAdvice(int64_t tokens) const {
  std::string most = std::to_string(longest);
  if (tokens <= longest && lmopt_session_capacity(session.get()) < longest)
    return "raise --ctx (this model takes up to " + most + ")";
  return most + " is the most that this model takes; --window " + most + " forgets the oldest tokens and goes on";
}

std::string Generator::contextNote() const {
  int64_t capacity = lmopt_session_capacity(session.get());
  return "the text ends here because the context of " + std::to_string(capacity) + " tokens is full; " +
         contextAdvice(capacity + 1);
}

/// Brings the session to hold exactly the prompt and computes the logits after it. What it holds already stays, but for
/// the last token of the prompt: its logits are needed.
Result<void> Generator::feed(const std::vector<int32_t> &prompt, Generation &generation) {
  int64_t capacity = lmopt_session_capacity(session.get());
  if (!endless && static_cast<int64_t>(prompt.size()) > capacity)
    return Error{kErrorUsage, "the prompt has " + std::to_string(prompt.size()) + " tokens, but the session holds " +
                                  std::to_string(capacity) + "; " + contextAdvice(static_cast<int64_t>(prompt.size()))};
  if (prompt.empty())
    return Error{kErrorUsage, "the prompt is empty, and this model has no token that begins a text; give it some text"};
  if (lmopt_session_dropped(session.get()) > 0) // what it holds is no beginning of the conversation any more
    held.clear();
  size_t most = std::min(held.size(), prompt.size() - 1);
  size_t common = std::mismatch(held.begin(), held.begin() + most, prompt.begin()).first - held.begin();
  lmopt_error_t error{};
  held.resize(common);
  if (lmopt_session_truncate(session.get(), static_cast<int64_t>(common), &error) != LMOPT_OK)
    return runtimeError(error);
  generation.computedPromptTokens = static_cast<int64_t>(prompt.size() - common);
  if (lmopt_session_prefill(session.get(), prompt.data() + common, generation.computedPromptTokens, logits.data(),
                            &error) != LMOPT_OK)
    return runtimeError(error);
  held = prompt;
  return {};
}

/// A token that was chosen: false when the text ends with it, or showing it failed.
bool Generator::take(int32_t token, Run &run) {
  if (lmopt_tokenizer_is_end(tokenizer, token)) {
    run.generation.stop = Stop::EndOfText;
    return false;
  }
  run.generation.tokens.push_back(token);
  const char *bytes = nullptr;
  size_t size = 0;
  lmopt_error_t error{};
  if (lmopt_detokenizer_push(detokenizer.get(), token, &bytes, &size, &error) != LMOPT_OK)
    run.shown = runtimeError(error);
  else
    run.shown = showPiece({bytes, size}, run);
  return run.shown.ok();
}

Result<void> Generator::showPiece(std::string_view piece, Run &run) {
  run.generation.text.append(piece);
  return piece.empty() ? Result<void>() : run.show(piece);
}

/// How many tokens may follow the first one, each of which is fed the one before.
int64_t Generator::roomFor(int64_t limit) const {
  int64_t most = limit < 0 ? std::numeric_limits<int64_t>::max() : limit - 1;
  return endless ? most : std::min(most, lmopt_session_capacity(session.get()) - lmopt_session_position(session.get()));
}

/// Feeds the first token and those that follow it, of which `held` learns as they go in.
Result<void> Generator::follow(int64_t count, Run &run) {
  struct Both {
    Generator &self;
    Run &run;
    int32_t fed;
  } both = {*this, run, run.generation.tokens.back()};
  auto receive = [](void *user, int32_t token) {
    auto &[self, run, fed] = *static_cast<Both *>(user);
    self.held.push_back(fed);
    fed = token;
    return self.take(token, run) ? 0 : 1;
  };
  lmopt_error_t error{};
  if (lmopt_session_generate(session.get(), both.fed, sampler.get(), count, receive, &both, &error) != LMOPT_OK)
    return runtimeError(error);
  return run.shown;
}

/// Chooses tokens until the text ends, the limit is reached, or the session is full.
Result<void> Generator::step(Generation &generation, int64_t limit, const Show &show) {
  Run run = {generation, show, {}};
  lmopt_error_t error{};
  int32_t first = 0;
  if (limit != 0) {
    if (lmopt_sampler_sample(sampler.get(), logits.data(), &first, &error) != LMOPT_OK)
      return runtimeError(error);
    int64_t count = roomFor(limit);
    if (take(first, run))
      run.shown = follow(count, run);
    if (!run.shown.ok())
      return run.shown;
    bool isFull = limit < 0 || static_cast<int64_t>(generation.tokens.size()) < limit;
    if (generation.stop != Stop::EndOfText && isFull)
      generation.stop = Stop::Context;
  }
  const char *bytes = nullptr;
  size_t size = 0;
  if (lmopt_detokenizer_flush(detokenizer.get(), &bytes, &size, &error) != LMOPT_OK)
    return runtimeError(error);
  return showPiece({bytes, size}, run);
}

Result<Generation> Generator::generate(const std::vector<int32_t> &prompt, int64_t limit, const Show &show) {
  Generation generation;
  auto start = std::chrono::steady_clock::now();
  if (Result<void> fed = feed(prompt, generation); !fed.ok())
    return fed.error();
  generation.promptSeconds = secondsSince(start);
  lmopt_speculation_info_t before = speculationOf(session.get());
  start = std::chrono::steady_clock::now();
  if (Result<void> stepped = step(generation, limit, show); !stepped.ok())
    return stepped.error();
  generation.stepSeconds = secondsSince(start);
  lmopt_speculation_info_t after = speculationOf(session.get());
  generation.passes = after.passes - before.passes;
  generation.guesses = after.proposed - before.proposed;
  generation.accepted = after.accepted - before.accepted;
  return generation;
}

} // namespace lmopt::driver
