// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lmopt_session_generate on threads: the same tokens, positions, errors and sampler as a loop of single calls, stopped
// anywhere, cancelled, over full windows and other angles; and what it refuses. DeviceGenerateTest.cpp has GPUs.
#include "GenerateFixture.h"

using namespace lmopt::test;

namespace {

const std::string switchPath = LMOPT_BINARY_DIR "/lib/fake_switch.so";

struct Generate : testing::Test {
  Model model = openModel(decoderPath);
  Team team = makeTeam(2);
  std::vector<int32_t> prompt = someTokens(20);

  Session start(lmopt_cancel_t *cancel = nullptr) {
    Session session = makeSession(model, team, 0, cancel);
    feed(session, prompt);
    return session;
  }
};

TEST_F(Generate, asALoopOfSingleCalls) {
  for (float temperature : {0.0F, 0.7F, 200.0F})
    for (int32_t top : {0, 1, 5, 40})
      for (int64_t count : {0, 1, 2, 30}) {
        Sampler one = makeSampler(temperature, top), other = makeSampler(temperature, top);
        Session session = start(), reference = start();
        EXPECT_EQ(generate(session, 3, one.get(), count), loop(reference, 3, other.get(), count));
        // Samplers have drawn as often, and sessions hold the same.
        EXPECT_EQ(generate(session, 4, one.get(), 8), loop(reference, 4, other.get(), 8));
        EXPECT_EQ(next(session), next(reference));
      }
}

TEST_F(Generate, greedyWithoutASampler) {
  Session session = start(), reference = start();
  Sampler greedy = makeSampler();
  EXPECT_EQ(generate(session, 3, nullptr, 25), loop(reference, 3, greedy.get(), 25));
}

TEST_F(Generate, stopsWhereTheReceiverSays) {
  for (size_t enough : {1, 2, 9, 10}) {
    Sampler one = makeSampler(100), other = makeSampler(100);
    Session session = start(), reference = start();
    Generated made = generate(session, 3, one.get(), 10, after(enough));
    EXPECT_EQ(made, loop(reference, 3, other.get(), 10, after(enough)));
    EXPECT_EQ(made.status, LMOPT_OK);
    EXPECT_EQ(made.position, int64_t(prompt.size() + enough)); // all but the last
    EXPECT_EQ(generate(session, made.tokens.back(), one.get(), 5), loop(reference, made.tokens.back(), other.get(), 5));
  }
}

TEST_F(Generate, fillsTheContextAndNoMore) {
  Session session = makeSession(model, team, 30), reference = makeSession(model, team, 30);
  feed(session, prompt), feed(reference, prompt);
  Generated made = generate(session, 1, nullptr, 11);
  EXPECT_EQ(made.status, LMOPT_ERROR_USAGE);
  EXPECT_EQ(made.message,
            "lmopt_session_generate: the context is full: 20 of 30 positions are taken and 11 more are asked for");
  EXPECT_EQ(made.position, 20);
  Sampler greedy = makeSampler();
  EXPECT_EQ(generate(session, 1, nullptr, 10), loop(reference, 1, greedy.get(), 10));
}

TEST_F(Generate, overFullWindows) {
  const std::pair<int64_t, int64_t> cases[] = {{2, 0}, {16, 4}, {37, 4}, {70, 0}};
  for (auto [window, sinks] : cases) {
    Session session = makeSession(model, team, 0, window, sinks),
            reference = makeSession(model, team, 0, window, sinks);
    Sampler one = makeSampler(100), other = makeSampler(100);
    EXPECT_EQ(generate(session, 3, one.get(), 150), loop(reference, 3, other.get(), 150));
    EXPECT_EQ(next(session), next(reference));
  }
}

TEST_F(Generate, overTheSwitchOfAngles) {
  Model other = openModel(switchPath); // at 40; NaN where a key was turned otherwise
  Session session = makeSession(other, team), reference = makeSession(other, team);
  Sampler one = makeSampler(100), two = makeSampler(100);
  EXPECT_EQ(generate(session, 3, one.get(), 60), loop(reference, 3, two.get(), 60));
  EXPECT_EQ(next(session), next(reference));
}

TEST_F(Generate, cancelled) {
  lmopt_cancel_t cancel{};
  Session session = start(&cancel);
  Enough cancels = [&](const std::vector<int32_t> &tokens) {
    if (tokens.size() == 4)
      lmopt_cancel_request(&cancel);
    return false;
  };
  Generated made = generate(session, 3, nullptr, 10, cancels);
  EXPECT_EQ(made.status, LMOPT_INTERRUPTED);
  EXPECT_EQ(made.tokens.size(), 4u);
  EXPECT_EQ(made.position, int64_t(prompt.size() + 4));
  EXPECT_EQ(generate(session, 3, nullptr, 10).position, made.position); // still
  lmopt_cancel_clear(&cancel);
  Session reference = start();
  Sampler greedy = makeSampler();
  Generated whole = loop(reference, 3, greedy.get(), 10), rest = generate(session, made.tokens.back(), nullptr, 6);
  EXPECT_EQ(rest.position, whole.position);
  EXPECT_EQ(rest.tokens, std::vector<int32_t>(whole.tokens.begin() + 4, whole.tokens.end()));
}

TEST_F(Generate, refusals) {
  Session session = start();
  Sampler other = makeSampler(0, 0, 1, 96);
  auto refused = [&](const Generated &made, const std::string &message) {
    EXPECT_EQ(made.status, LMOPT_ERROR_USAGE);
    EXPECT_EQ(made.message, message);
    EXPECT_EQ(made.position, 20);
  };
  refused(generate(session, 97, nullptr, 1), "token 0 is 97, expected 0 to 96");
  refused(generate(session, -1, nullptr, 1), "token 0 is -1, expected 0 to 96");
  refused(generate(session, 1, nullptr, -1), "lmopt_session_generate: -1 tokens; 0 or more are expected");
  refused(generate(session, 1, other.get(), 1),
          "lmopt_session_generate: the sampler takes 96 logits, the model gives 97");
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_session_generate(session.get(), 1, nullptr, 1, nullptr, nullptr, &error), LMOPT_ERROR_USAGE);
  EXPECT_STREQ(error.message, "lmopt_session_generate: nobody receives the tokens");
  Session encoder = makeSession(openModel(encoderPath), team);
  Generated made = generate(encoder, 1, nullptr, 1);
  EXPECT_EQ(made.status, LMOPT_ERROR_USAGE);
  EXPECT_EQ(made.message, "lmopt_session_generate: the model is an encoder; use lmopt_session_encode");
}

} // namespace
