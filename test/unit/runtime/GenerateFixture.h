// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of lmopt_session_generate share: a call and what came of it, and the loop of single calls that it must
// be like.
#ifndef LMOPT_TEST_UNIT_RUNTIME_GENERATEFIXTURE_H
#define LMOPT_TEST_UNIT_RUNTIME_GENERATEFIXTURE_H

#include "Fixture.h"

#include <functional>

namespace lmopt::test {

/// What a generation gave, and where it left its session.
struct Generated {
  lmopt_status_t status = LMOPT_OK;
  std::string message;
  std::vector<int32_t> tokens;
  int64_t position = 0, dropped = 0;
};
inline void PrintTo(const Generated &made, std::ostream *out) {
  *out << made.status << " '" << made.message << "', " << made.position << " held, " << made.dropped << " dropped, "
       << testing::PrintToString(made.tokens);
}
inline bool operator==(const Generated &a, const Generated &b) {
  return a.status == b.status && a.message == b.message && a.tokens == b.tokens && a.position == b.position &&
         a.dropped == b.dropped;
}

/// Called after each token; true: it is enough.
using Enough = std::function<bool(const std::vector<int32_t> &)>;
inline Enough never() {
  return [](const std::vector<int32_t> &) { return false; };
}
inline Enough after(size_t count) {
  return [count](const std::vector<int32_t> &tokens) { return tokens.size() == count; };
}

struct Receiver {
  std::vector<int32_t> tokens;
  const Enough &enough;
  static int receive(void *user, int32_t token) {
    auto *self = static_cast<Receiver *>(user);
    self->tokens.push_back(token);
    return self->enough(self->tokens) ? 7 : 0;
  }
};

inline Generated generate(const Session &session, int32_t token, lmopt_sampler_t *sampler, int64_t count,
                          const Enough &enough = never()) {
  Receiver receiver = {{}, enough};
  lmopt_error_t error{};
  lmopt_status_t status =
      lmopt_session_generate(session.get(), token, sampler, count, Receiver::receive, &receiver, &error);
  return {status, status ? error.message : "", receiver.tokens, lmopt_session_position(session.get()),
          lmopt_session_dropped(session.get())};
}

/// The loop in the words of lmopt.h.
inline Generated loop(const Session &session, int32_t token, lmopt_sampler_t *sampler, int64_t count,
                      const Enough &enough = never()) {
  std::vector<float> logits(fakeVocabulary);
  std::vector<int32_t> tokens;
  lmopt_error_t error{};
  lmopt_status_t status = LMOPT_OK;
  for (int64_t i = 0; i < count && status == LMOPT_OK; ++i) {
    status = lmopt_session_decode_top(session.get(), token, lmopt_sampler_top(sampler), logits.data(), &error);
    if (status == LMOPT_OK)
      status = lmopt_sampler_sample(sampler, logits.data(), &token, &error);
    if (status != LMOPT_OK)
      break;
    tokens.push_back(token);
    if (enough(tokens))
      break;
  }
  return {status, status ? error.message : "", tokens, lmopt_session_position(session.get()),
          lmopt_session_dropped(session.get())};
}

inline Sampler makeSampler(float temperature = 0, int32_t top_k = 0, uint64_t seed = 1,
                           int32_t vocabulary = int32_t(fakeVocabulary)) {
  lmopt_sampler_options_t options{};
  options.struct_size = sizeof options;
  options.temperature = temperature;
  options.top_k = top_k;
  options.seed = seed;
  lmopt_sampler_t *sampler = nullptr;
  EXPECT_EQ(lmopt_sampler_create(&options, vocabulary, &sampler, nullptr), LMOPT_OK);
  return Sampler(sampler);
}

/// A session with a window, or, when that is 0, with a context (0: the longest).
inline Session makeSession(const Model &model, const Team &team, int64_t context, int64_t window, int64_t sinks,
                           lmopt_cancel_t *cancel = nullptr) {
  lmopt_session_options_t options{};
  options.struct_size = sizeof options;
  options.team = team.get();
  options.context = context;
  options.window = window;
  options.sinks = sinks;
  options.cancel = cancel;
  lmopt_session_t *session = nullptr;
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_session_create(model.get(), &options, &session, &error), LMOPT_OK) << error.message;
  return Session(session);
}

inline void feed(const Session &session, const std::vector<int32_t> &tokens) {
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_session_prefill(session.get(), tokens.data(), int64_t(tokens.size()), nullptr, &error), LMOPT_OK)
      << error.message;
}

/// What the session says next, which depends on all that it holds.
inline std::vector<float> next(const Session &session, int32_t token = 5) {
  std::vector<float> logits(fakeVocabulary);
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_session_decode(session.get(), token, logits.data(), &error), LMOPT_OK) << error.message;
  return logits;
}

} // namespace lmopt::test

#endif // LMOPT_TEST_UNIT_RUNTIME_GENERATEFIXTURE_H
