// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recorded decode passes: that they give what single launches give, when a recording is made and when it serves again,
// how many are kept, what ends them, and what a driver that refuses leaves behind. Counted by the fake driver.
#include "DeviceSessionFixture.h"

#include <algorithm>
#include <cmath>
#include <thread>

using namespace lmopt::test;

namespace {

const std::string longPath = LMOPT_BINARY_DIR "/lib/fake_device_long.so";
constexpr size_t kUnit = LMOPT_DEVICE_POSITIONS_UNIT;
constexpr unsigned kMost = 32;

class DeviceRecordingTest : public DeviceSessionTest {
protected:
  void TearDown() override {
    unsetenv("LMOPT_CUDA_GRAPHS");
    DeviceSessionTest::TearDown();
  }
  unsigned calls(const char *function) const {
    return reinterpret_cast<unsigned (*)(const char *)>(dlsym(library, "fakeCudaCalls"))(function);
  }
  unsigned recorded() const { return calls("cuStreamBeginCapture"); }
  unsigned replayed() const { return calls("cuGraphLaunch"); }
  unsigned kept() const { return inspect().executables; }

  /// Sequences that are decoded together.
  struct Batch {
    std::vector<Session> sessions;
    std::vector<std::vector<int32_t>> held;

    Batch(const Model &model, const Team &team, const std::vector<size_t> &lengths) {
      for (size_t length : lengths) {
        sessions.push_back(makeSession(model, team));
        held.push_back(someTokens(length, uint32_t(length)));
        prefill(sessions.back(), held.back());
      }
    }

    /// One pass over the first `count`, which must give what their tokens define. top: 0, or as
    /// lmopt_sessions_decode_top.
    void decode(size_t count, int32_t top = 0) {
      std::vector<lmopt_session_t *> handles;
      for (size_t i = 0; i < count; ++i)
        handles.push_back(sessions[i].get());
      std::vector<int32_t> next = someTokens(count, uint32_t(held[0].size()));
      std::vector<float> all(count * fakeVocabulary);
      EXPECT_OK(tell([&](lmopt_error_t *error) {
        return top ? lmopt_sessions_decode_top(handles.data(), int64_t(count), next.data(), top, all.data(), error)
                   : lmopt_sessions_decode(handles.data(), int64_t(count), next.data(), all.data(), error);
      }));
      for (size_t i = 0; i < count; ++i) {
        held[i].push_back(next[i]);
        std::vector<float> expected = fakeLogits(held[i], held[i].size());
        if (top)
          expected = onlyGreatest(expected, top);
        auto own = all.begin() + std::ptrdiff_t(i * fakeVocabulary);
        ASSERT_EQ(std::vector<float>(own, own + fakeVocabulary), expected) << i << " of " << count;
      }
    }
  };
};

TEST_F(DeviceRecordingTest, oneServesManySteps) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  Batch batch(model, team, {10});
  EXPECT_EQ(recorded(), 0u) << "of a prompt";
  forget();
  for (int i = 0; i < 50; ++i)
    batch.decode(1);
  EXPECT_EQ(recorded(), 1u);
  EXPECT_EQ(replayed(), 50u);
  EXPECT_EQ(calls("cuLaunchKernelEx"), 3u) << "those that are recorded";
  EXPECT_EQ(calls("cuMemcpyHtoDAsync"), 1u);
  EXPECT_EQ(calls("cuMemcpyDtoHAsync"), 1u);
  EXPECT_EQ(calls("cuStreamSynchronize"), 50u);
  EXPECT_EQ(inspect().lateUploads, 0u);
}

TEST_F(DeviceRecordingTest, noneWhereTheEnvironmentSaysSo) {
  setenv("LMOPT_CUDA_GRAPHS", "0", 1);
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  Batch batch(model, team, {10, 20});
  forget();
  for (int i = 0; i < 5; ++i)
    batch.decode(2);
  EXPECT_EQ(recorded() + replayed(), 0u);
  EXPECT_EQ(calls("cuLaunchKernelEx"), 15u);
  setenv("FAKE_CUDA_FAIL", "cuStreamSynchronize:1:700", 1);
  EXPECT_HAS(tryDecode(batch.sessions[0]), "launched last: step 'decode', kernel 'answer'");
}

// A recording holds as far as its positions reach, and serves again when a sequence comes back.
TEST_F(DeviceRecordingTest, anotherForEachUnitOfPositions) {
  for (const char *seed : {"", "1", "2"}) {
    if (*seed)
      setenv("FAKE_CUDA_STRICT", seed, 1);
    Model model = openModel(longPath);
    Team team = gpu();
    Batch batch(model, team, {kUnit - 3});
    forget();
    for (int i = 0; i < 3; ++i)
      batch.decode(1); // up to position kUnit - 1
    EXPECT_EQ(recorded(), 1u);
    for (int i = 0; i < 3; ++i)
      batch.decode(1);
    EXPECT_EQ(recorded(), 2u);
    ASSERT_EQ(lmopt_session_truncate(batch.sessions[0].get(), 100, nullptr), LMOPT_OK);
    batch.held[0].resize(100);
    batch.decode(1);
    EXPECT_EQ(recorded(), 2u);
    EXPECT_EQ(replayed(), 7u);
  }
}

// The longest sequence decides, whichever it is.
TEST_F(DeviceRecordingTest, shorterOnesInTheSameBatch) {
  Model model = openModel(longPath);
  Team team = gpu();
  Batch batch(model, team, {5, kUnit - 1, kUnit + 20});
  forget();
  batch.decode(2);
  batch.decode(3);
  batch.decode(2); // the second has grown beyond the unit
  batch.decode(3);
  EXPECT_EQ(recorded(), 3u);
}

TEST_F(DeviceRecordingTest, anotherForEachShape) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  Batch batch(model, team, {5, 70, 33, 8});
  forget();
  for (int again = 0; again < 2; ++again)
    for (int32_t top : {0, 1, 5})
      for (size_t count = 1; count <= 4; ++count)
        batch.decode(count, top);
  EXPECT_EQ(recorded(), 12u);
  EXPECT_EQ(replayed(), 24u);
  EXPECT_EQ(kept(), 12u);
}

// Logits that do not land at once come in pieces behind the recording.
TEST_F(DeviceRecordingTest, moreLogitsThanLand) {
  constexpr size_t words = 270000;
  Model model = openModel(LMOPT_BINARY_DIR "/lib/fake_device_words.so");
  Team team = gpu();
  std::vector<Session> sessions;
  std::vector<lmopt_session_t *> handles;
  for (size_t i = 0; i < 4; ++i) {
    sessions.push_back(makeSession(model, team));
    handles.push_back(sessions.back().get());
  }
  forget();
  std::vector<float> all(4 * words);
  std::vector<std::vector<int32_t>> held(4);
  for (int32_t step = 0; step < 2; ++step) {
    const int32_t next[] = {3 + step, 1, 4, 15};
    EXPECT_OK(
        tell([&](lmopt_error_t *error) { return lmopt_sessions_decode(handles.data(), 4, next, all.data(), error); }));
    for (size_t i = 0; i < 4; ++i) {
      held[i].push_back(next[i]);
      int64_t first = fakeHash(held[i], held[i].size()) + step;
      for (size_t v = 0; v < words; ++v)
        ASSERT_EQ(all[i * words + v], float((first + 31 * int64_t(v)) % fakeModulus)) << i << ", " << v;
    }
  }
  EXPECT_EQ(recorded(), 1u);
  EXPECT_EQ(replayed(), 2u);
  EXPECT_EQ(calls("cuMemcpyDtoHAsync"), 4u);
}

TEST_F(DeviceRecordingTest, theLeastRecentMakesRoom) {
  Model model = openModel(longPath);
  Team team = gpu();
  Batch batch(model, team, {5, 70, 33, kUnit + 5}), other(model, team, {9, 10, 11, 12});
  forget();
  for (int32_t top = 0; top <= 5; ++top) // 24
    for (size_t count = 1; count <= 4; ++count)
      other.decode(count, top);
  for (int32_t top = 0; top <= 5; ++top) // 6, all with the long one
    batch.decode(4, top);
  EXPECT_EQ(kept(), 30u);
  other.decode(1, 0); // the oldest is used again, so that the second one goes first
  Batch longer(model, team, {kUnit + 1, kUnit + 2, kUnit + 3});
  for (size_t count = 1; count <= 3; ++count)
    longer.decode(count);
  EXPECT_EQ(recorded(), 33u);
  EXPECT_EQ(kept(), kMost);
  other.decode(1, 0);
  EXPECT_EQ(recorded(), 33u) << "it was used again";
  other.decode(2, 0);
  EXPECT_EQ(recorded(), 34u) << "it has made room";
  EXPECT_EQ(kept(), kMost);
}

/*===--- What ends them ---===*/

// Another model wants more room for them. Logits of many rows do not: they come in steps.
TEST_F(DeviceRecordingTest, resultsThatMove) {
  Model model = openModel(deviceDecoderPath), words = openModel(LMOPT_BINARY_DIR "/lib/fake_device_words.so");
  Team team = gpu();
  Batch batch(model, team, {10, 20});
  batch.decode(1);
  batch.decode(2);
  Session many = makeSession(model, team);
  std::vector<int32_t> tokens = someTokens(40);
  auto ignore = [](void *, int64_t, int64_t, const float *) { return 0; };
  EXPECT_OK(tell([&](lmopt_error_t *error) {
    return lmopt_session_prefill_rows(many.get(), tokens.data(), 40, 0, ignore, nullptr, error);
  }));
  EXPECT_EQ(kept(), 2u);
  Session larger = makeSession(words, team);
  EXPECT_EQ(kept(), 0u);
  forget();
  batch.decode(2);
  batch.decode(2);
  EXPECT_EQ(recorded(), 1u);
}

TEST_F(DeviceRecordingTest, inputThatMoves) {
  Model model = openModel(deviceDecoderPath), encoder = openModel(deviceEncoderPath);
  Team team = gpu();
  Batch batch(model, team, {10});
  batch.decode(1);
  Session larger = makeSession(encoder, team);
  EXPECT_EQ(kept(), 0u);
  batch.decode(1);
  EXPECT_EQ(kept(), 1u);
}

TEST_F(DeviceRecordingTest, theModelGoesBeforeTheTeam) {
  Team team = gpu();
  for (int i = 0; i < 3; ++i) { // the next one may lie where this one did
    Model model = openModel(deviceDecoderPath), other = openModel(longPath);
    Batch batch(model, team, {10}), rest(other, team, {kUnit + 1});
    batch.decode(1);
    rest.decode(1);
    EXPECT_EQ(kept(), 2u);
    batch.sessions.clear();
    EXPECT_EQ(kept(), 2u) << "the next session shall find it";
    model.reset();
    EXPECT_EQ(kept(), 1u);
    rest.decode(1);
  }
  EXPECT_EQ(kept(), 0u);
}

TEST_F(DeviceRecordingTest, theTeamGoesBeforeTheModel) {
  Model model = openModel(deviceDecoderPath);
  Team stays = gpu();
  Batch rest(model, stays, {20});
  rest.decode(1);
  for (int i = 0; i < 3; ++i) {
    Team team = gpu();
    Batch batch(model, team, {10});
    batch.decode(1);
    EXPECT_EQ(kept(), 2u) << "each team has its own";
    batch.sessions.clear();
    team.reset();
    EXPECT_EQ(kept(), 1u);
  }
  rest.decode(1);
}

TEST_F(DeviceRecordingTest, bothGoAtOnce) {
  for (int i = 0; i < 20; ++i) {
    Model model = openModel(deviceDecoderPath);
    Team team = gpu();
    {
      Batch batch(model, team, {10});
      batch.decode(1);
    }
    std::thread other([&] { model.reset(); });
    team.reset();
    other.join();
    EXPECT_EQ(kept(), 0u);
  }
}

// Each with its own team: sets come and go in the list of the model meanwhile.
TEST_F(DeviceRecordingTest, manyThreadsOfTheHost) {
  Model model = openModel(deviceDecoderPath);
  std::vector<std::thread> threads;
  for (size_t number = 0; number < 4; ++number)
    threads.emplace_back([&, number] {
      for (int again = 0; again < 3; ++again) {
        Team team = gpu();
        Batch batch(model, team, {5 + number, 10});
        for (int step = 0; step < 5; ++step)
          batch.decode(1 + number % 2);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(kept(), 0u);
}

/*===--- A driver that refuses ---===*/

// The step fails with the driver's word, nothing is kept of what was being made, and the next step finds all in order.
TEST_F(DeviceRecordingTest, everyCallOfARecordingMayFail) {
  const std::pair<const char *, const char *> cases[] = {
      {"cuStreamBeginCapture:1:2", "beginning a recording failed"},
      {"cuMemcpyHtoDAsync:1:2", "copying to the GPU failed"},
      {"cuLaunchKernelEx:1:2", "launching kernel 'remember' failed"},
      {"cuLaunchKernelEx:2:2", "launching kernel 'sum' failed"},
      {"cuLaunchKernelEx:3:2", "launching kernel 'answer' failed"},
      {"cuMemcpyDtoHAsync:1:2", "copying from the GPU failed"},
      {"cuGraphInstantiateWithFlags:1:2", "making a recording ready failed"},
      {"cuGraphUpload:1:2", "making a recording ready failed"},
      {"cuGraphLaunch:1:2", "launching a recording failed"},
  };
  for (auto [which, message] : cases) {
    Model model = openModel(deviceDecoderPath);
    Team team = gpu();
    Batch batch(model, team, {33});
    forget();
    setenv("FAKE_CUDA_FAIL", which, 1);
    Answer answer = tryDecode(batch.sessions[0]);
    EXPECT_EQ(answer.status, LMOPT_ERROR_RESOURCE) << which;
    EXPECT_HAS(answer, message);
    EXPECT_EQ(lmopt_session_position(batch.sessions[0].get()), 33);
    unsetenv("FAKE_CUDA_FAIL");
    EXPECT_EQ(kept(), std::string(which) == "cuGraphLaunch:1:2" ? 1u : 0u) << which;
    batch.decode(1);
    EXPECT_EQ(inspect().lateUploads, 0u);
  }
}

TEST_F(DeviceRecordingTest, aReplayMayFail) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  Batch batch(model, team, {33});
  batch.decode(1);
  forget();
  setenv("FAKE_CUDA_FAIL", "cuGraphLaunch:1:2", 1);
  EXPECT_HAS(tryDecode(batch.sessions[0]), "launching a recording failed");
  unsetenv("FAKE_CUDA_FAIL");
  batch.decode(1);
  EXPECT_EQ(recorded(), 0u);
}

} // namespace
