// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decoders on a GPU, over the fake model for GPUs and the fake driver: any way of feeding a sequence gives what its
// tokens alone define, and what sessions of threads give.
#include "DeviceSessionFixture.h"

#include <cmath>

using namespace lmopt::test;

namespace {

TEST_F(DeviceSessionTest, promptAndSingleSteps) {
  Model model = openModel(deviceDecoderPath);
  Session session = makeSession(model, gpu());
  std::vector<int32_t> tokens = someTokens(200);
  EXPECT_EQ(prefill(session, part(tokens, 0, 100)), fakeLogits(tokens, 100));
  for (size_t i = 100; i < 200; ++i)
    ASSERT_EQ(decode(session, tokens[i]), fakeLogits(tokens, i + 1)) << i;
  EXPECT_EQ(lmopt_session_position(session.get()), 200);
  EXPECT_HAS(tryDecode(session), "the context is full");
}

// As late as possible, in another order of blocks, with all checks of the interpreter.
TEST_F(DeviceSessionTest, strictly) {
  for (const char *seed : {"1", "2", "3"}) {
    setenv("FAKE_CUDA_STRICT", seed, 1);
    Model model = openModel(deviceDecoderPath);
    Session session = makeSession(model, gpu());
    std::vector<int32_t> tokens = someTokens(80);
    EXPECT_EQ(prefill(session, part(tokens, 0, 70)), fakeLogits(tokens, 70));
    for (size_t i = 70; i < 80; ++i)
      ASSERT_EQ(decode(session, tokens[i]), fakeLogits(tokens, i + 1)) << i;
  }
}

TEST_F(DeviceSessionTest, anySplit) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  std::vector<int32_t> tokens = someTokens(150);
  for (size_t first : {1, 31, 32, 33, 63, 64, 65, 149}) {
    Session session = makeSession(model, team);
    EXPECT_EQ(prefill(session, part(tokens, 0, first)), fakeLogits(tokens, first));
    EXPECT_EQ(prefill(session, part(tokens, first, 150)), fakeLogits(tokens, 150));
  }
}

TEST_F(DeviceSessionTest, promptWithoutLogits) {
  Model model = openModel(deviceDecoderPath);
  Session session = makeSession(model, gpu());
  std::vector<int32_t> tokens = someTokens(90);
  EXPECT_OK(tell(
      [&](lmopt_error_t *error) { return lmopt_session_prefill(session.get(), tokens.data(), 89, nullptr, error); }));
  EXPECT_EQ(decode(session, tokens[89]), fakeLogits(tokens, 90));
}

// More than there is room for at once: they come in steps of a decode pass's rows, behind those that nobody wants.
TEST_F(DeviceSessionTest, logitsOfManyRows) {
  Model model = openModel(deviceDecoderPath);
  Session session = makeSession(model, gpu());
  std::vector<int32_t> tokens = someTokens(100);
  std::vector<float> all;
  auto receive = [](void *user, int64_t, int64_t rows, const float *values) {
    EXPECT_LE(rows, fakeDecodeRows);
    auto &to = *static_cast<std::vector<float> *>(user);
    to.insert(to.end(), values, values + rows * fakeVocabulary);
    return 0;
  };
  EXPECT_OK(tell([&](lmopt_error_t *error) {
    return lmopt_session_prefill_rows(session.get(), tokens.data(), 100, 7, receive, &all, error);
  }));
  ASSERT_EQ(all.size(), 93u * fakeVocabulary);
  for (size_t row = 0; row < 93; ++row) {
    auto own = all.begin() + std::ptrdiff_t(row * fakeVocabulary);
    ASSERT_EQ(std::vector<float>(own, own + fakeVocabulary), fakeLogits(tokens, row + 8)) << row;
  }
}

TEST_F(DeviceSessionTest, scores) {
  Model model = openModel(deviceDecoderPath);
  Session session = makeSession(model, gpu());
  std::vector<int32_t> tokens = someTokens(71), targets = part(tokens, 1, 71);
  std::vector<float> scores(70);
  EXPECT_OK(tell([&](lmopt_error_t *error) {
    return lmopt_session_score(session.get(), tokens.data(), targets.data(), 70, scores.data(), error);
  }));
  for (size_t i = 0; i < 70; ++i)
    EXPECT_EQ(scores[i], fakeLogits(tokens, i + 1)[size_t(targets[i])]) << i;
}

// The entry is told how many are wanted, and the other one computes what it cannot.
TEST_F(DeviceSessionTest, greatestLogits) {
  Model model = openModel(deviceDecoderPath);
  Session session = makeSession(model, gpu());
  for (int32_t top : {1, 5, 6}) {
    ASSERT_EQ(lmopt_session_truncate(session.get(), 0, nullptr), LMOPT_OK);
    std::vector<float> logits(fakeVocabulary), expected = fakeLogits({3}, 1);
    EXPECT_OK(tell(
        [&](lmopt_error_t *error) { return lmopt_session_decode_top(session.get(), 3, top, logits.data(), error); }));
    if (top <= 5)
      expected = onlyGreatest(expected, top);
    EXPECT_EQ(logits, expected);
  }
}

TEST_F(DeviceSessionTest, truncation) {
  Model model = openModel(deviceDecoderPath);
  Session session = makeSession(model, gpu());
  std::vector<int32_t> tokens = someTokens(130), others = someTokens(130, 5);
  prefill(session, tokens);
  for (size_t kept : {129, 100, 64, 63, 1, 0}) {
    ASSERT_EQ(lmopt_session_truncate(session.get(), int64_t(kept), nullptr), LMOPT_OK);
    std::vector<int32_t> sequence = part(tokens, 0, kept);
    sequence.insert(sequence.end(), others.begin(), others.begin() + 1);
    EXPECT_EQ(decode(session, others[0]), fakeLogits(sequence, kept + 1)) << kept;
  }
}

TEST_F(DeviceSessionTest, severalInABatch) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu(), sibling = gpu();
  size_t lengths[] = {1, 35, 64, 100, 33, 40}; // more than one pass takes
  std::vector<Session> sessions;
  std::vector<lmopt_session_t *> handles;
  std::vector<std::vector<int32_t>> held;
  for (size_t length : lengths) { // some were made for another team of the same GPU
    sessions.push_back(makeSession(model, sessions.size() % 2 ? sibling : team));
    handles.push_back(sessions.back().get());
    held.push_back(someTokens(length, uint32_t(length)));
    prefill(sessions.back(), held.back());
  }
  std::vector<float> all(handles.size() * fakeVocabulary);
  for (uint32_t step = 0; step < 5; ++step) {
    std::vector<int32_t> next = someTokens(handles.size(), step + 7);
    EXPECT_OK(tell([&](lmopt_error_t *error) {
      return lmopt_sessions_decode(handles.data(), int64_t(handles.size()), next.data(), all.data(), error);
    }));
    for (size_t i = 0; i < handles.size(); ++i) {
      held[i].push_back(next[i]);
      auto own = all.begin() + std::ptrdiff_t(i * fakeVocabulary);
      ASSERT_EQ(std::vector<float>(own, own + fakeVocabulary), fakeLogits(held[i], held[i].size())) << i;
    }
  }
}

/// Feeds both the same and compares all they say.
void compare(const Session &one, const Session &other, const std::vector<int32_t> &tokens) {
  std::vector<float> a(fakeVocabulary), b(fakeVocabulary);
  for (size_t at = 0, piece = 1; at < tokens.size(); at += piece, piece = 1 + (at * 7) % 23) {
    piece = std::min(piece, tokens.size() - at);
    ASSERT_EQ(lmopt_session_prefill(one.get(), &tokens[at], int64_t(piece), a.data(), nullptr), LMOPT_OK);
    ASSERT_EQ(lmopt_session_prefill(other.get(), &tokens[at], int64_t(piece), b.data(), nullptr), LMOPT_OK);
    ASSERT_EQ(a, b) << at;
    ASSERT_EQ(lmopt_session_position(one.get()), lmopt_session_position(other.get()));
    ASSERT_EQ(lmopt_session_dropped(one.get()), lmopt_session_dropped(other.get()));
  }
}

TEST_F(DeviceSessionTest, windowsAsOnThreads) {
  Model model = openModel(deviceDecoderPath), other = openModel(decoderPath);
  Team team = gpu(), threads = makeTeam(2);
  const std::pair<int64_t, int64_t> cases[] = {{2, 0}, {16, 4}, {70, 0}, {130, 65}};
  for (auto [window, sinks] : cases) {
    lmopt_session_options_t options{};
    options.window = window;
    options.sinks = sinks;
    Session onGpu, onThreads;
    options.team = team.get();
    EXPECT_OK(trySession(model, options, onGpu));
    options.team = threads.get();
    EXPECT_OK(trySession(other, options, onThreads));
    compare(onGpu, onThreads, someTokens(400));
  }
}

// Keys that were turned by other angles give NaN.
TEST_F(DeviceSessionTest, lengthsAsOnThreads) {
  Model model = openModel(deviceSwitchPath), other = openModel(LMOPT_BINARY_DIR "/lib/fake_switch.so");
  Session onGpu = makeSession(model, gpu()), onThreads = makeSession(other, makeTeam(2));
  for (size_t cut : {10, 0}) {
    compare(onGpu, onThreads, someTokens(100));
    for (const Session *session : {&onGpu, &onThreads})
      ASSERT_EQ(lmopt_session_truncate(session->get(), int64_t(cut), nullptr), LMOPT_OK);
  }
}

TEST_F(DeviceSessionTest, cancelled) {
  Model model = openModel(deviceDecoderPath);
  lmopt_cancel_t cancel{};
  Session session = makeSession(model, gpu(), 0, &cancel);
  prefill(session, someTokens(40));
  lmopt_cancel_request(&cancel);
  EXPECT_EQ(tryDecode(session).status, LMOPT_INTERRUPTED);
  EXPECT_EQ(lmopt_session_position(session.get()), 40);
  lmopt_cancel_clear(&cancel);
  std::vector<int32_t> tokens = someTokens(41);
  EXPECT_EQ(decode(session, tokens[40]), fakeLogits(tokens, 41));
}

// What a kernel costs is not seen from the host, so nobody is told of kernels.
TEST_F(DeviceSessionTest, profilesTellWholeSteps) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  EXPECT_EQ(lmopt_team_threads(team.get()), 1);
  Session session = makeSession(model, team);
  std::vector<int64_t> marks;
  auto record = [](void *user, int64_t thread, int64_t what) {
    EXPECT_EQ(thread, 0);
    static_cast<std::vector<int64_t> *>(user)->push_back(what);
  };
  lmopt_team_set_profile(team.get(), record, &marks);
  prefill(session, someTokens(40)); // two steps
  lmopt_team_set_profile(team.get(), nullptr, nullptr);
  decode(session, 1);
  const std::vector<int64_t> step = {LMOPT_PROFILE_BEGIN, LMOPT_PROFILE_END};
  EXPECT_EQ(marks, (std::vector<int64_t>{step[0], step[1], step[0], step[1]}));
}

// Decoding steps are recorded, but not for who wants to know of each launch; results are the same.
TEST_F(DeviceSessionTest, launchProfilesTellKernels) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  Session session = makeSession(model, team);
  std::vector<int64_t> told;
  auto record = [](void *user, int64_t what, double seconds) {
    EXPECT_GE(seconds, 0);
    static_cast<std::vector<int64_t> *>(user)->push_back(what);
  };
  lmopt_error_t error{};
  ASSERT_EQ(lmopt_team_set_launch_profile(team.get(), record, &told, &error), LMOPT_OK) << error.message;
  std::vector<int32_t> tokens = someTokens(42);
  prefill(session, {tokens.begin(), tokens.begin() + 40}); // two steps
  EXPECT_EQ(decode(session, tokens[40]), fakeLogits(tokens, 41));
  ASSERT_EQ(lmopt_team_set_launch_profile(team.get(), nullptr, nullptr, &error), LMOPT_OK);
  EXPECT_EQ(decode(session, tokens[41]), fakeLogits(tokens, 42));
  std::vector<int64_t> expected;
  for (int step = 0; step < 3; ++step)
    for (int64_t what : {int64_t{LMOPT_PROFILE_BEGIN}, int64_t{0}, int64_t{1}, int64_t{2}, int64_t{LMOPT_PROFILE_END}})
      if (what != 2 || step > 0) // without outputs there is no answer
        expected.push_back(what);
  EXPECT_EQ(told, expected);
}

// A step that fails tells nothing, and the next one begins anew.
TEST_F(DeviceSessionTest, launchProfilesForgetFailedSteps) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  Session session = makeSession(model, team);
  int told = 0;
  lmopt_error_t error{};
  auto count = [](void *user, int64_t, double) { ++*static_cast<int *>(user); };
  ASSERT_EQ(lmopt_team_set_launch_profile(team.get(), count, &told, &error), LMOPT_OK);
  setenv("FAKE_CUDA_FAIL", "cuEventRecord:2:2", 1);
  std::vector<int32_t> tokens = someTokens(10);
  EXPECT_EQ(lmopt_session_prefill(session.get(), tokens.data(), 10, nullptr, &error), LMOPT_ERROR_RESOURCE);
  EXPECT_EQ(told, 0);
  unsetenv("FAKE_CUDA_FAIL");
  EXPECT_EQ(prefill(session, tokens), fakeLogits(tokens, 10));
  EXPECT_EQ(told, 5);
}

TEST_F(DeviceSessionTest, launchProfilesAreOfGpus) {
  lmopt_team_options_t options{};
  options.struct_size = sizeof options;
  options.threads = 1;
  lmopt_team_t *threads = nullptr;
  lmopt_error_t error{};
  ASSERT_EQ(lmopt_team_create(&options, &threads, &error), LMOPT_OK);
  auto nobody = [](void *, int64_t, double) {};
  EXPECT_EQ(lmopt_team_set_launch_profile(threads, nobody, nullptr, &error), LMOPT_ERROR_USAGE);
  EXPECT_NE(std::string(error.message).find("launches nothing"), std::string::npos) << error.message;
  lmopt_team_destroy(threads);
}

TEST_F(DeviceSessionTest, itsOwnTeam) {
  Model model = openModel(deviceDecoderPath);
  lmopt_session_options_t options{};
  options.device = "cuda:0";
  Session session;
  EXPECT_OK(trySession(model, options, session));
  std::vector<int32_t> tokens = someTokens(20);
  EXPECT_EQ(prefill(session, tokens), fakeLogits(tokens, 20));
}

// Handles may go in any order, as with threads.
TEST_F(DeviceSessionTest, outlivesItsModelAndTeam) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  Session session = makeSession(model, team);
  model.reset();
  team.reset();
  std::vector<int32_t> tokens = someTokens(20);
  EXPECT_EQ(prefill(session, tokens), fakeLogits(tokens, 20));
}

} // namespace
