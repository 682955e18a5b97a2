// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prompt, sample, detokenize, repeat. See Generator.h.
#include "tools/lmopt/Generator.h"

#include <algorithm>
#include <chrono>

namespace lmopt::driver {

static double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Result<Generator> Generator::create(const Model &model, const SessionSettings &settings,
                                    const lmopt_sampler_options_t &sampling, const Context &context) {
  Generator generator;
  Result<const lmopt_tokenizer_t *> tokenizer = tokenizerOf(model);
  if (!tokenizer.ok())
    return tokenizer.error();
  generator.tokenizer = *tokenizer;
  Result<SessionPtr> session = createSession(model, settings, context);
  if (!session.ok())
    return session.error();
  generator.session = session.take();
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

/// Chooses tokens until the text ends, the limit is reached, or the session is full.
Result<void> Generator::step(Generation &generation, int64_t limit,
                             const std::function<Result<void>(std::string_view)> &show) {
  lmopt_error_t error{};
  const char *bytes = nullptr;
  size_t size = 0;
  auto showPiece = [&]() -> Result<void> {
    generation.text.append(bytes, size);
    return size ? show({bytes, size}) : Result<void>();
  };
  while (limit < 0 || static_cast<int64_t>(generation.tokens.size()) < limit) {
    int32_t token = 0;
    if (lmopt_sampler_sample(sampler.get(), logits.data(), &token, &error) != LMOPT_OK)
      return runtimeError(error);
    if (lmopt_tokenizer_is_end(tokenizer, token)) {
      generation.stop = Stop::EndOfText;
      break;
    }
    generation.tokens.push_back(token);
    if (lmopt_detokenizer_push(detokenizer.get(), token, &bytes, &size, &error) != LMOPT_OK)
      return runtimeError(error);
    if (Result<void> shown = showPiece(); !shown.ok())
      return shown;
    if (static_cast<int64_t>(generation.tokens.size()) == limit)
      break;
    if (!endless && lmopt_session_position(session.get()) == lmopt_session_capacity(session.get())) {
      generation.stop = Stop::Context;
      break;
    }
    // What the sampler does not look at need not be computed.
    if (lmopt_session_decode_top(session.get(), token, lmopt_sampler_top(sampler.get()), logits.data(), &error) !=
        LMOPT_OK)
      return runtimeError(error);
    held.push_back(token);
  }
  if (lmopt_detokenizer_flush(detokenizer.get(), &bytes, &size, &error) != LMOPT_OK)
    return runtimeError(error);
  return showPiece();
}

Result<Generation> Generator::generate(const std::vector<int32_t> &prompt, int64_t limit,
                                       const std::function<Result<void>(std::string_view)> &show) {
  Generation generation;
  auto start = std::chrono::steady_clock::now();
  if (Result<void> fed = feed(prompt, generation); !fed.ok())
    return fed.error();
  generation.promptSeconds = secondsSince(start);
  start = std::chrono::steady_clock::now();
  if (Result<void> stepped = step(generation, limit, show); !stepped.ok())
    return stepped.error();
  generation.stepSeconds = secondsSince(start);
  return generation;
}

} // namespace lmopt::driver
