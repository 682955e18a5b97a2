// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sessions with a window over the fake model, against the plain rule: when the window is full and a token comes, the
// first `sinks` and the latest half of the rest stay. Logits are always those of the tokens kept, at positions 0, 1,
// ...
#include "Fixture.h"

using namespace lmopt::test;

namespace {

struct Rule {
  size_t window, sinks;
  std::vector<int32_t> held = {};
  int64_t dropped = 0;
  void append(int32_t token) {
    if (held.size() == window) {
      size_t kept = (window - sinks) / 2, gone = held.size() - sinks - kept;
      held.erase(held.begin() + std::ptrdiff_t(sinks), held.begin() + std::ptrdiff_t(sinks + gone));
      dropped += int64_t(gone);
    }
    held.push_back(token);
  }
  std::vector<float> logits() const { return fakeLogits(held, held.size()); }
};

lmopt_status_t create(const Model &model, const Team &team, int64_t window, int64_t sinks, Session &session,
                      int64_t context = 0, lmopt_cancel_t *cancel = nullptr) {
  lmopt_session_options_t options{};
  options.struct_size = sizeof options;
  options.team = team.get();
  options.window = window;
  options.sinks = sinks;
  options.context = context;
  options.cancel = cancel;
  lmopt_session_t *made = nullptr;
  lmopt_status_t status = lmopt_session_create(model.get(), &options, &made, nullptr);
  session.reset(made);
  return status;
}

const Rule kRules[] = {{2, 0}, {3, 1}, {16, 4}, {37, 4}, {50, 48}, {70, 0}, {200, 4}};

TEST(Window, singleTokens) {
  Model model = openModel(decoderPath);
  Team team = makeTeam(2);
  for (Rule rule : kRules) {
    Session session;
    ASSERT_EQ(create(model, team, int64_t(rule.window), int64_t(rule.sinks), session), LMOPT_OK);
    std::vector<float> logits(fakeVocabulary);
    for (int32_t token : someTokens(300)) {
      rule.append(token);
      ASSERT_EQ(lmopt_session_decode(session.get(), token, logits.data(), nullptr), LMOPT_OK);
      ASSERT_EQ(logits, rule.logits()) << "window " << rule.window << " sinks " << rule.sinks;
      ASSERT_EQ(lmopt_session_position(session.get()), int64_t(rule.held.size()));
      ASSERT_EQ(lmopt_session_dropped(session.get()), rule.dropped);
    }
    EXPECT_EQ(lmopt_session_capacity(session.get()), int64_t(rule.window));
  }
}

TEST(Window, promptsInAnyPieces) {
  Model model = openModel(decoderPath);
  Team team = makeTeam(2);
  std::vector<int32_t> tokens = someTokens(300);
  for (const Rule &start : kRules)
    for (size_t piece : {1, 7, 36, 37, 150, 300}) {
      Rule rule = start;
      Session session;
      ASSERT_EQ(create(model, team, int64_t(rule.window), int64_t(rule.sinks), session), LMOPT_OK);
      std::vector<float> logits(fakeVocabulary);
      for (size_t i = 0; i < tokens.size(); i += piece) {
        size_t count = std::min(piece, tokens.size() - i);
        for (size_t j = i; j < i + count; ++j)
          rule.append(tokens[j]);
        ASSERT_EQ(lmopt_session_prefill(session.get(), tokens.data() + i, int64_t(count), logits.data(), nullptr),
                  LMOPT_OK);
        ASSERT_EQ(logits, rule.logits()) << "window " << rule.window << " pieces of " << piece;
      }
    }
}

TEST(Window, besideOthersInABatch) {
  Model model = openModel(decoderPath);
  Team team = makeTeam(3);
  Rule rules[] = {{16, 4}, {200, 0}, {9, 2}};
  Session sessions[3];
  lmopt_session_t *handles[3];
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(create(model, team, int64_t(rules[i].window), int64_t(rules[i].sinks), sessions[i]), LMOPT_OK);
    handles[i] = sessions[i].get();
  }
  std::vector<float> logits(3 * fakeVocabulary);
  for (uint32_t step = 0; step < 60; ++step) {
    std::vector<int32_t> tokens = someTokens(3, step);
    ASSERT_EQ(lmopt_sessions_decode(handles, 3, tokens.data(), logits.data(), nullptr), LMOPT_OK);
    for (int i = 0; i < 3; ++i) {
      rules[i].append(tokens[size_t(i)]);
      auto own = logits.begin() + i * fakeVocabulary;
      ASSERT_EQ(std::vector<float>(own, own + fakeVocabulary), rules[i].logits()) << "session " << i;
    }
  }
}

TEST(Window, truncateAndGoOn) {
  Model model = openModel(decoderPath);
  Session session;
  ASSERT_EQ(create(model, makeTeam(1), 20, 4, session), LMOPT_OK);
  std::vector<int32_t> tokens = someTokens(50);
  Rule rule{20, 4};
  for (int32_t token : tokens)
    rule.append(token);
  std::vector<float> logits(fakeVocabulary);
  ASSERT_EQ(lmopt_session_prefill(session.get(), tokens.data(), 50, logits.data(), nullptr), LMOPT_OK);
  rule.held.resize(7);
  ASSERT_EQ(lmopt_session_truncate(session.get(), 7, nullptr), LMOPT_OK);
  EXPECT_EQ(lmopt_session_truncate(session.get(), 8, nullptr), LMOPT_ERROR_USAGE);
  rule.append(3);
  ASSERT_EQ(lmopt_session_decode(session.get(), 3, logits.data(), nullptr), LMOPT_OK);
  EXPECT_EQ(logits, rule.logits());
  EXPECT_GT(lmopt_session_dropped(session.get()), 0);
  ASSERT_EQ(lmopt_session_truncate(session.get(), 0, nullptr), LMOPT_OK);
  EXPECT_EQ(lmopt_session_dropped(session.get()), 0);
}

/// What was asked to stop while it read kept tokens again goes on there.
TEST(Window, cancelledWhileReadingAgain) {
  Model model = openModel(decoderPath);
  lmopt_cancel_t cancel{};
  Session session;
  ASSERT_EQ(create(model, makeTeam(1), 150, 4, session, 0, &cancel), LMOPT_OK);
  std::vector<int32_t> tokens = someTokens(151);
  Rule rule{150, 4};
  for (int32_t token : tokens)
    rule.append(token);
  std::vector<float> logits(fakeVocabulary);
  ASSERT_EQ(lmopt_session_prefill(session.get(), tokens.data(), 150, nullptr, nullptr), LMOPT_OK);
  lmopt_cancel_request(&cancel);
  ASSERT_EQ(lmopt_session_decode(session.get(), tokens[150], logits.data(), nullptr), LMOPT_INTERRUPTED);
  EXPECT_EQ(lmopt_session_position(session.get()) + lmopt_session_dropped(session.get()), 150);
  lmopt_cancel_clear(&cancel);
  ASSERT_EQ(lmopt_session_decode(session.get(), tokens[150], logits.data(), nullptr), LMOPT_OK);
  EXPECT_EQ(logits, rule.logits());
}

TEST(Window, optionsAreChecked) {
  Model model = openModel(decoderPath), encoder = openModel(encoderPath);
  Team team = makeTeam(1);
  Session session;
  EXPECT_EQ(create(model, team, 1, 0, session), LMOPT_ERROR_USAGE);
  EXPECT_EQ(create(model, team, 201, 0, session), LMOPT_ERROR_USAGE);
  EXPECT_EQ(create(model, team, -5, 0, session), LMOPT_ERROR_USAGE);
  EXPECT_EQ(create(model, team, 0, 4, session), LMOPT_ERROR_USAGE);
  EXPECT_EQ(create(model, team, 10, 9, session), LMOPT_ERROR_USAGE);
  EXPECT_EQ(create(model, team, 10, -1, session), LMOPT_ERROR_USAGE);
  EXPECT_EQ(create(model, team, 10, 2, session, 100), LMOPT_ERROR_USAGE);
  EXPECT_EQ(create(encoder, team, 10, 2, session), LMOPT_ERROR_USAGE);
}

} // namespace
