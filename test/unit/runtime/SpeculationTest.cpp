// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sessions that guess give the tokens, positions, errors and draws of sessions that do not: by lookup and by drafts
// that agree always, sometimes and never; stopped, cancelled and out of room in the middle of accepted guesses; over
// full windows, rings, other angles, tokens taken back. The fake models hash all that a sequence holds, so a guess that
// left a trace would change every later token. DeviceGenerateTest.cpp has the refusal of GPUs.
#include "GenerateFixture.h"
#include "test/Reseal.h"

using namespace lmopt::test;

namespace {

const std::string periodPath = LMOPT_BINARY_DIR "/lib/fake_period.so";
const std::string switchPath = LMOPT_BINARY_DIR "/lib/fake_period_switch.so";
const std::string ringPath = LMOPT_BINARY_DIR "/lib/fake_period_ring.so";
const std::string statePath = LMOPT_BINARY_DIR "/lib/fake_state.so";
const std::string wordsPath = LMOPT_BINARY_DIR "/lib/fake_generate.so";

/// How a session guesses.
struct Way {
  const char *name;
  bool lookup;
  std::string draft;
  int32_t most, always;
};
void PrintTo(const Way &way, std::ostream *out) { *out << way.name << ", most " << way.most; }

const Way ways[] = {
    {"lookup", true, "", 0, 1},
    {"lookup", true, "", 1, 1},
    {"lookup", true, "", 4, 1},
    {"lookup that adapts", true, "", 0, 0},
    {"same draft", false, periodPath, 0, 1},
    {"same draft", false, periodPath, 3, 1},
    {"other draft", false, decoderPath, 5, 1},
    {"draft that adapts", false, periodPath, 0, 0},
    {"both", true, decoderPath, 2, 1},
    {"both that adapt", true, periodPath, 0, 0},
};

lmopt_status_t speculate(const Session &session, const Way &way, lmopt_error_t *error = nullptr) {
  Model draft = way.draft.empty() ? nullptr : openModel(way.draft);
  lmopt_speculation_options_t options{};
  options.struct_size = sizeof options;
  options.lookup = way.lookup;
  options.draft = draft.get();
  options.most = way.most;
  options.always = way.always;
  return lmopt_session_speculate(session.get(), &options, error);
}

lmopt_speculation_info_t infoOf(const Session &session) {
  lmopt_speculation_info_t info{};
  info.struct_size = sizeof info;
  EXPECT_EQ(lmopt_session_get_speculation(session.get(), &info, nullptr), LMOPT_OK);
  return info;
}

/// A session that guesses and one that does not.
struct Pair {
  Session session, reference;
};

struct Speculation : testing::TestWithParam<Way> {
  std::vector<int32_t> prompt = someTokens(20);

  Pair start(const std::string &path, int32_t threads = 2, int64_t context = 0, int64_t window = 0, int64_t sinks = 0,
             lmopt_cancel_t *cancel = nullptr) {
    Model model = openModel(path);
    Team team = makeTeam(threads);
    Pair pair{makeSession(model, team, context, window, sinks, cancel),
              makeSession(model, team, context, window, sinks)};
    lmopt_error_t error{};
    EXPECT_EQ(speculate(pair.session, GetParam(), &error), LMOPT_OK) << error.message;
    if (!window) {
      feed(pair.session, prompt);
      feed(pair.reference, prompt);
    }
    return pair;
  }
  static void expectSame(const Pair &pair, int32_t token, float temperature, int32_t top, int64_t count,
                         const Enough &enough = never(), uint64_t seed = 1) {
    Sampler one = makeSampler(temperature, top, seed), other = makeSampler(temperature, top, seed);
    Generated made = generate(pair.session, token, one.get(), count, enough);
    EXPECT_EQ(made, loop(pair.reference, token, other.get(), count, enough));
    if (made.tokens.empty())
      return;
    // Samplers have drawn as often, and sessions hold the same.
    EXPECT_EQ(generate(pair.session, made.tokens.back(), one.get(), 5),
              loop(pair.reference, made.tokens.back(), other.get(), 5));
    EXPECT_EQ(next(pair.session), next(pair.reference));
  }
};
INSTANTIATE_TEST_SUITE_P(Ways, Speculation, testing::ValuesIn(ways));

TEST_P(Speculation, theSameTokens) {
  for (int32_t threads : {1, 2, 3})
    for (float temperature : {0.0F, 60.0F, 300.0F})
      for (int32_t top : {0, 5})
        for (uint64_t seed : {1, 2, 3})
          expectSame(start(periodPath, threads), 3, temperature, top, 120, never(), seed);
}

// Guesses are right often enough to be seen: in text that mostly repeats itself, and by a draft that is the model.
TEST_P(Speculation, someAreAccepted) {
  Pair pair = start(periodPath);
  Generated made = generate(pair.session, 3, nullptr, 120);
  lmopt_speculation_info_t info = infoOf(pair.session);
  EXPECT_EQ(info.passes + info.accepted, int64_t(made.tokens.size()));
  EXPECT_LE(info.accepted, info.proposed);
  if (GetParam().always && GetParam().draft != decoderPath)
    EXPECT_GT(info.accepted, 20);
  if (GetParam().always && GetParam().draft == periodPath)
    EXPECT_EQ(info.accepted, info.proposed);
  EXPECT_EQ(infoOf(pair.reference).passes, 0);
}

// At every token, so also in the middle of accepted guesses: the end of the text.
TEST_P(Speculation, stopsWhereTheReceiverSays) {
  for (size_t enough = 1; enough <= 40; ++enough)
    expectSame(start(periodPath), 3, 0, 0, 60, after(enough));
}

// Every limit of tokens, and every context that ends there.
TEST_P(Speculation, endsAtTheLimit) {
  for (int64_t count : {1, 2, 3, 17, 30, 33, 35}) {
    expectSame(start(periodPath), 3, 0, 0, count);
    Pair pair = start(periodPath, 2, 20 + count);
    Sampler greedy = makeSampler();
    EXPECT_EQ(generate(pair.session, 3, nullptr, count), loop(pair.reference, 3, greedy.get(), count));
    EXPECT_EQ(generate(pair.session, 3, nullptr, 1).status, LMOPT_ERROR_USAGE);
  }
}

TEST_P(Speculation, overFullWindows) {
  const std::pair<int64_t, int64_t> cases[] = {{2, 0}, {16, 4}, {37, 4}, {70, 0}};
  for (auto [window, sinks] : cases)
    for (float temperature : {0.0F, 60.0F})
      expectSame(start(periodPath, 2, 0, window, sinks), 3, temperature, 0, 150);
}

// At 40 all keys are turned otherwise; NaN where one was not.
TEST_P(Speculation, overTheSwitchOfAngles) { expectSame(start(switchPath), 3, 60, 0, 100); }

// Guesses that were wrong have written over older positions of the ring.
TEST_P(Speculation, overRings) {
  for (int32_t threads : {1, 2})
    for (float temperature : {0.0F, 60.0F}) {
      Pair pair = start(ringPath, threads);
      expectSame(pair, 3, temperature, 0, 110);
      for (int64_t kept : {120, 90, 30}) { // 30: further back than the ring reaches
        lmopt_session_truncate(pair.session.get(), kept, nullptr);
        lmopt_session_truncate(pair.reference.get(), kept, nullptr);
        expectSame(pair, 7, temperature, 0, 25);
      }
    }
}

TEST_P(Speculation, afterTokensAreTakenBack) {
  Pair pair = start(periodPath);
  for (int64_t kept : {20, 60, 45, 45, 3, 0}) {
    expectSame(pair, 3, 0, 0, 60 + 20 - std::min<int64_t>(kept, 20));
    EXPECT_EQ(lmopt_session_truncate(pair.session.get(), kept, nullptr), LMOPT_OK);
    EXPECT_EQ(lmopt_session_truncate(pair.reference.get(), kept, nullptr), LMOPT_OK);
  }
  expectSame(pair, 3, 0, 0, 60);
}

TEST_P(Speculation, cancelled) {
  for (size_t at : {1, 4, 5, 6, 7, 20}) {
    lmopt_cancel_t cancel{};
    Pair pair = start(periodPath, 2, 0, 0, 0, &cancel);
    Enough cancels = [&](const std::vector<int32_t> &tokens) {
      if (tokens.size() == at)
        lmopt_cancel_request(&cancel);
      return false;
    };
    Generated made = generate(pair.session, 3, nullptr, 40, cancels);
    EXPECT_EQ(made.status, LMOPT_INTERRUPTED);
    EXPECT_EQ(made.tokens.size(), at);
    EXPECT_EQ(made.position, int64_t(prompt.size() + at));
    EXPECT_EQ(generate(pair.session, 3, nullptr, 10).position, made.position); // still
    lmopt_cancel_clear(&cancel);
    Sampler greedy = makeSampler();
    EXPECT_EQ(loop(pair.reference, 3, greedy.get(), int64_t(at)).tokens, made.tokens);
    expectSame(pair, made.tokens.back(), 0, 0, 40);
  }
}

struct SpeculationRefusal : testing::Test {
  Team team = makeTeam(1);
  static void refused(const Session &session, const Way &way, lmopt_status_t status, const std::string &message) {
    lmopt_error_t error{};
    EXPECT_EQ(speculate(session, way, &error), status);
    EXPECT_EQ(error.message, message);
    EXPECT_EQ(generate(session, 1, nullptr, 3).position, lmopt_session_position(session.get()));
    EXPECT_EQ(infoOf(session).passes, 0);
  }
};

TEST_F(SpeculationRefusal, options) {
  Session session = makeSession(openModel(decoderPath), team);
  refused(session, {"", false, "", 0, 0}, LMOPT_ERROR_USAGE,
          "lmopt_session_speculate: nothing to guess from; ask for lookup, or give a draft");
  session = makeSession(openModel(decoderPath), team);
  refused(session, {"", true, "", 16, 0}, LMOPT_ERROR_USAGE, "lmopt_session_speculate: most is 16, expected 1 to 15");
  refused(session, {"", true, "", 3, 0}, LMOPT_ERROR_USAGE,
          "lmopt_session_speculate: the session holds 3 tokens already; call it before the first one");
  session = makeSession(openModel(decoderPath), team);
  EXPECT_EQ(speculate(session, {"", true, "", 3, 0}), LMOPT_OK);
  lmopt_error_t error{};
  EXPECT_EQ(speculate(session, {"", true, "", 3, 0}, &error), LMOPT_ERROR_USAGE);
  EXPECT_STREQ(error.message, "lmopt_session_speculate: the session speculates already");
}

TEST_F(SpeculationRefusal, models) {
  lmopt_error_t error{};
  Session encoder = makeSession(openModel(encoderPath), team);
  EXPECT_EQ(speculate(encoder, {"", true, "", 0, 0}, &error), LMOPT_ERROR_USAGE);
  EXPECT_STREQ(error.message, "lmopt_session_speculate: the model is an encoder; use lmopt_session_encode");
  refused(makeSession(openModel(decoderPath), team), {"", false, encoderPath, 0, 0}, LMOPT_ERROR_USAGE,
          "lmopt_session_speculate: the draft " + encoderPath + " is an encoder");
  const std::string state = " keeps a state of 16 bytes for each sequence, which has no way back: no speculation";
  refused(makeSession(openModel(statePath), team), {"", true, "", 0, 0}, LMOPT_ERROR_UNSUPPORTED, statePath + state);
  refused(makeSession(openModel(decoderPath), team), {"", false, statePath, 0, 0}, LMOPT_ERROR_UNSUPPORTED,
          statePath + state);
}

// Two tokenizers of as many tokens, one of them of another text.
TEST_F(SpeculationRefusal, aDraftOfOtherWords) {
  TemporaryDirectory directory;
  std::string bytes = readFile(wordsPath);
  for (size_t at = bytes.find("word90"); at != std::string::npos; at = bytes.find("word90", at))
    bytes.replace(at, 6, "wort90");
  std::string other = directory.write("other.so", resealed(bytes));
  Session session = makeSession(openModel(wordsPath), team);
  refused(session, {"", false, other, 0, 0}, LMOPT_ERROR_USAGE,
          "lmopt_session_speculate: token 90 is 'word90' in " + wordsPath + " and 'wort90' in the draft " + other +
              "; a draft needs the same vocabulary");
  EXPECT_EQ(speculate(makeSession(openModel(wordsPath), team), {"", false, wordsPath, 0, 0}), LMOPT_OK);
}

} // namespace
