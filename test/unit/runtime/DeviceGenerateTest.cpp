// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lmopt_session_generate on a GPU, which chooses greedily itself, several tokens on end, and gives samplers the
// greatest logits alone: the same as a loop of single calls, wherever it is stopped, over full windows, other angles,
// units of positions and pages of the cache; what it costs in calls of the driver; and what goes wrong.
#include "DeviceSessionFixture.h"
#include "GenerateFixture.h"

using namespace lmopt::test;

namespace {

const std::string longPath = LMOPT_BINARY_DIR "/lib/fake_device_long.so";
const std::string largePath = LMOPT_BINARY_DIR "/lib/fake_device_large.so";
const std::string topPath = LMOPT_BINARY_DIR "/lib/fake_device_top.so";
constexpr int64_t kOnEnd = 16;

class DeviceGenerateTest : public DeviceSessionTest {
protected:
  void TearDown() override {
    unsetenv("LMOPT_CUDA_GRAPHS");
    unsetenv("LMOPT_CUDA_PERSISTENT");
    DeviceSessionTest::TearDown();
  }
  unsigned calls(const char *function) const {
    return reinterpret_cast<unsigned (*)(const char *)>(dlsym(library, "fakeCudaCalls"))(function);
  }

  /// Both ways from the same beginning.
  static void compare(const Session &session, const Session &reference, float temperature, int32_t top, int64_t count,
                      const Enough &enough = never()) {
    SCOPED_TRACE(testing::Message() << "temperature " << temperature << ", top " << top << ", " << count << " tokens");
    Sampler one = makeSampler(temperature, top), other = makeSampler(temperature, top);
    Generated made = generate(session, 3, one.get(), count, enough);
    EXPECT_EQ(made, loop(reference, 3, other.get(), count, enough));
    EXPECT_EQ(made.status, LMOPT_OK);
    EXPECT_EQ(generate(session, 4, one.get(), 2), loop(reference, 4, other.get(), 2));
    EXPECT_EQ(next(session), next(reference));
  }
};

TEST_F(DeviceGenerateTest, asALoopOfSingleCalls) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  for (float temperature : {0.0F, 0.7F, 200.0F})
    for (int32_t top : {0, 1, 5, 6}) // the model finds five
      for (int64_t count : {0, 1, 15, 16, 17, 40}) {
        Session session = makeSession(model, team), reference = makeSession(model, team);
        feed(session, someTokens(20)), feed(reference, someTokens(20));
        compare(session, reference, temperature, top, count);
      }
}

// In words of the model's arithmetic, and with the strict driver.
TEST_F(DeviceGenerateTest, greedyTokensAreTheGreatest) {
  for (const char *seed : {"", "1", "2"}) {
    if (*seed)
      setenv("FAKE_CUDA_STRICT", seed, 1);
    Model model = openModel(deviceDecoderPath);
    Session session = makeSession(model, gpu());
    std::vector<int32_t> held = someTokens(20), expected;
    feed(session, held);
    held.push_back(9);
    for (int i = 0; i < 40; ++i) {
      std::vector<float> logits = fakeLogits(held, held.size());
      expected.push_back(int32_t(std::max_element(logits.begin(), logits.end()) - logits.begin()));
      held.push_back(expected.back());
    }
    EXPECT_EQ(generate(session, 9, nullptr, 40).tokens, expected);
  }
}

TEST_F(DeviceGenerateTest, stopsWhereTheReceiverSays) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  for (float temperature : {0.0F, 200.0F})
    for (size_t enough : {1, 2, 15, 16, 17, 30}) {
      Session session = makeSession(model, team), reference = makeSession(model, team);
      compare(session, reference, temperature, 5, 30, after(enough));
      EXPECT_EQ(lmopt_session_position(session.get()), int64_t(enough) + 3);
    }
}

TEST_F(DeviceGenerateTest, overFullWindows) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  const std::pair<int64_t, int64_t> cases[] = {{2, 0}, {16, 4}, {37, 4}, {70, 0}};
  for (auto [window, sinks] : cases)
    for (float temperature : {0.0F, 200.0F}) {
      Session session = makeSession(model, team, 0, window, sinks);
      Session reference = makeSession(model, team, 0, window, sinks);
      compare(session, reference, temperature, 5, 150);
    }
}

// Keys that were turned by other angles give NaN, which nobody chooses.
TEST_F(DeviceGenerateTest, overTheSwitchOfAngles) {
  Model model = openModel(deviceSwitchPath);
  Team team = gpu();
  for (int64_t expected : {0, 41}) {
    Session session = makeSession(model, team), reference = makeSession(model, team);
    for (const Session *one : {&session, &reference})
      ASSERT_EQ(lmopt_session_expect(one->get(), expected, nullptr), LMOPT_OK);
    compare(session, reference, 0, 0, 60);
  }
}

TEST_F(DeviceGenerateTest, overUnitsOfPositions) {
  Model model = openModel(longPath);
  Team team = gpu();
  Session session = makeSession(model, team), reference = makeSession(model, team);
  std::vector<int32_t> prompt = someTokens(250);
  feed(session, prompt), feed(reference, prompt);
  compare(session, reference, 0, 0, 20);
}

TEST_F(DeviceGenerateTest, fillsTheContext) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  Session session = makeSession(model, team, 30), reference = makeSession(model, team, 30);
  feed(session, someTokens(7)), feed(reference, someTokens(7));
  Sampler greedy = makeSampler();
  EXPECT_EQ(generate(session, 1, nullptr, 24).status, LMOPT_ERROR_USAGE);
  EXPECT_EQ(generate(session, 1, nullptr, 23), loop(reference, 1, greedy.get(), 23));
}

// One copy each way and one wait for 16 tokens; a recording serves as long as its unit of positions.
TEST_F(DeviceGenerateTest, costsFewCalls) {
  Model model = openModel(longPath);
  Team team = gpu();
  Session session = makeSession(model, team);
  feed(session, someTokens(200));
  forget();
  EXPECT_EQ(generate(session, 1, nullptr, 2 * kOnEnd).status, LMOPT_OK);
  EXPECT_EQ(calls("cuStreamBeginCapture"), 1u);
  EXPECT_EQ(calls("cuGraphLaunch"), 2 * kOnEnd);
  EXPECT_EQ(calls("cuMemcpyHtoDAsync"), 2u);
  EXPECT_EQ(calls("cuMemcpyDtoHAsync"), 2u);
  EXPECT_EQ(calls("cuStreamSynchronize"), 2u);
  EXPECT_EQ(calls("cuLaunchKernelEx"), 4u) << "those that are recorded";
  EXPECT_EQ(generate(session, 1, nullptr, 2 * kOnEnd).status, LMOPT_OK); // beyond 256
  EXPECT_EQ(calls("cuStreamBeginCapture"), 2u);
}

// A recording of single steps with the same numbers has copies in it: one must not serve for the other.
TEST_F(DeviceGenerateTest, betweenSingleSteps) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  Session session = makeSession(model, team), reference = makeSession(model, team);
  Sampler greedy = makeSampler();
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(generate(session, round, nullptr, 5), loop(reference, round, greedy.get(), 5));
    EXPECT_EQ(loop(session, round, greedy.get(), 3), generate(reference, round, nullptr, 3));
  }
}

TEST_F(DeviceGenerateTest, withoutRecordings) {
  setenv("LMOPT_CUDA_GRAPHS", "0", 1);
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  Session session = makeSession(model, team), reference = makeSession(model, team);
  compare(session, reference, 0, 0, 40);
  EXPECT_EQ(calls("cuGraphLaunch"), 0u);
}

// Each step is one cooperative launch, with a counter of barriers that is zero again.
TEST_F(DeviceGenerateTest, walked) {
  setenv("LMOPT_CUDA_PERSISTENT", "1", 1);
  for (const char *seed : {"", "1", "2"}) {
    if (*seed)
      setenv("FAKE_CUDA_STRICT", seed, 1);
    Model model = openModel(LMOPT_BINARY_DIR "/lib/fake_device_walk.so");
    Team team = gpu();
    Session session = makeSession(model, team), reference = makeSession(model, team);
    compare(session, reference, 0, 0, 40);
    compare(session, reference, 100, 5, 10);
    forget();
    EXPECT_EQ(generate(session, 3, nullptr, kOnEnd).status, LMOPT_OK);
    EXPECT_EQ(calls("cuLaunchKernelEx"), kOnEnd);
    EXPECT_EQ(calls("cuMemcpyHtoDAsync"), 1u);
    EXPECT_EQ(calls("cuMemcpyDtoHAsync"), 1u);
    EXPECT_EQ(calls("cuGraphLaunch"), 0u);
  }
}

TEST_F(DeviceGenerateTest, withoutAnEntryForIt) {
  Model model = openModel(LMOPT_BINARY_DIR "/lib/fake_device_generate.so");
  Team team = gpu();
  Session session = makeSession(model, team), reference = makeSession(model, team);
  compare(session, reference, 0, 0, 20);
}

TEST_F(DeviceGenerateTest, cancelled) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  for (size_t at : {4, 16, 20}) {
    lmopt_cancel_t cancel{};
    Enough cancels = [&](const std::vector<int32_t> &tokens) {
      if (tokens.size() == at)
        lmopt_cancel_request(&cancel);
      return false;
    };
    Session session = makeSession(model, team, 0, &cancel), reference = makeSession(model, team, 0, &cancel);
    Sampler greedy = makeSampler();
    Generated made = generate(session, 3, nullptr, 30, cancels);
    lmopt_cancel_clear(&cancel);
    EXPECT_EQ(made, loop(reference, 3, greedy.get(), 30, cancels));
    EXPECT_EQ(made.status, LMOPT_INTERRUPTED);
    lmopt_cancel_clear(&cancel);
    int32_t last = made.tokens.back();
    EXPECT_EQ(generate(session, last, nullptr, 30), loop(reference, last, greedy.get(), 30));
  }
}

// A position takes 64 KB, so that two pages hold 64: what is left is enough for some tokens, though not for all that
// are asked for at once.
TEST_F(DeviceGenerateTest, memoryForSomeOfThem) {
  Model model = openModel(largePath);
  Team team = gpu();
  Session session = makeSession(model, team);
  feed(session, someTokens(60));
  setenv("FAKE_CUDA_FAIL", "cuMemCreate:1:2", 1);
  Generated made = generate(session, 3, nullptr, 30);
  EXPECT_EQ(made.status, LMOPT_OK) << made.message; // the second attempt is for one token, and has memory
  EXPECT_EQ(made.tokens.size(), 30u);
}

TEST_F(DeviceGenerateTest, noNumberOrNoToken) {
  struct {
    const char *path, *message;
  } const cases[] = {
      {LMOPT_BINARY_DIR "/lib/fake_device_silent.so", "sampler: none of the 97 logits is a number above -infinity"},
      {LMOPT_BINARY_DIR "/lib/fake_device_wild.so", "fake_device_wild.so: entry \"decode_top\" chose token 97 of 97"},
  };
  for (auto [path, message] : cases) {
    Model model = openModel(path);
    Session session = makeSession(model, gpu());
    Generated made = generate(session, 3, nullptr, 5);
    EXPECT_EQ(made.status, LMOPT_ERROR_INTERNAL);
    EXPECT_NE(made.message.find(message), std::string::npos) << made.message;
    EXPECT_EQ(made.tokens.size(), 0u);
    EXPECT_EQ(made.position, 1); // the token that led there is held
    std::vector<int32_t> held = {3, 5};
    EXPECT_EQ(next(session), fakeLogits(held, 2));
  }
}

TEST_F(DeviceGenerateTest, faults) {
  Model model = openModel(deviceDecoderPath);
  Session session = makeSession(model, gpu());
  feed(session, someTokens(20));
  setenv("FAKE_CUDA_FAIL", "cuStreamSynchronize:1:700", 1);
  Generated made = generate(session, 3, nullptr, 20);
  EXPECT_EQ(made.status, LMOPT_ERROR_INTERNAL);
  EXPECT_NE(made.message.find("step 'decode_top'"), std::string::npos) << made.message;
  EXPECT_EQ(made.position, 20);
  unsetenv("FAKE_CUDA_FAIL");
  EXPECT_EQ(generate(session, 3, nullptr, 20).status, LMOPT_ERROR_INTERNAL); // the GPU is dead
}

// Pairs of more than LMOPTP_LANDING_BYTES: all logits take their place.
TEST_F(DeviceGenerateTest, moreOfThemThanLandAtOnce) {
  Model model = openModel(topPath);
  Team team = gpu();
  constexpr size_t kVocabulary = 270000;
  for (size_t count : {1, 4}) {
    std::vector<Session> sessions;
    std::vector<lmopt_session_t *> handles;
    std::vector<int32_t> tokens;
    for (size_t i = 0; i < count; ++i) {
      sessions.push_back(makeSession(model, team));
      handles.push_back(sessions.back().get());
      tokens.push_back(int32_t(i) + 3);
    }
    std::vector<float> all(count * kVocabulary), top(all.size());
    ASSERT_EQ(lmopt_sessions_decode(handles.data(), int64_t(count), tokens.data(), all.data(), nullptr), LMOPT_OK);
    for (lmopt_session_t *session : handles)
      ASSERT_EQ(lmopt_session_truncate(session, 0, nullptr), LMOPT_OK);
    int32_t wanted = count == 1 ? 3 : 200000;
    EXPECT_OK(tell([&](lmopt_error_t *error) {
      return lmopt_sessions_decode_top(handles.data(), int64_t(count), tokens.data(), wanted, top.data(), error);
    }));
    size_t finite = 0;
    for (size_t i = 0; i < all.size(); ++i) {
      if (top[i] == -INFINITY)
        continue;
      ++finite;
      ASSERT_EQ(top[i], all[i]) << i;
    }
    EXPECT_EQ(finite, count == 1 ? 3 : all.size());
  }
}

TEST_F(DeviceGenerateTest, guessesAreRefused) {
  Session session = makeSession(openModel(deviceDecoderPath), gpu());
  lmopt_speculation_options_t options{};
  options.struct_size = sizeof options;
  options.lookup = 1;
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_session_speculate(session.get(), &options, &error), LMOPT_ERROR_UNSUPPORTED);
  EXPECT_EQ(error.message, deviceDecoderPath + " computes on a GPU; sessions there do not speculate yet");
}

} // namespace
