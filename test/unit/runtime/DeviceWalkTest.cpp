// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decode passes as one cooperative launch: that they give what recorded and single launches give, what is written down
// and how often, which passes are not walked, and what a model, a card or a driver that cannot leaves behind. Counted
// by the fake driver; the walker is that of make_fake_walker.py.
#include "DeviceSessionFixture.h"
#include "test/Reseal.h"

#include <cmath>

using namespace lmopt::test;

namespace {

const std::string walkPath = LMOPT_BINARY_DIR "/lib/fake_device_walk.so";
const std::string halfPath = LMOPT_BINARY_DIR "/lib/fake_device_half.so";
constexpr size_t kUnit = LMOPT_DEVICE_POSITIONS_UNIT;

class DeviceWalkTest : public DeviceSessionTest {
protected:
  void SetUp() override {
    DeviceSessionTest::SetUp();
    setenv("LMOPT_CUDA_PERSISTENT", "1", 1);
  }
  void TearDown() override {
    unsetenv("LMOPT_CUDA_PERSISTENT");
    unsetenv("LMOPT_CUDA_GRAPHS");
    DeviceSessionTest::TearDown();
  }
  unsigned calls(const char *function) const {
    return reinterpret_cast<unsigned (*)(const char *)>(dlsym(library, "fakeCudaCalls"))(function);
  }

  /// A sequence, and a pass over it that must give what its tokens define. top: 0, or as lmopt_sessions_decode_top.
  struct Sequence {
    Session session;
    std::vector<int32_t> held;

    Sequence(const Model &model, const Team &team, size_t length)
        : session(makeSession(model, team)), held(someTokens(length)) {
      prefill(session, held);
    }
    void decode(int32_t top = 0) {
      int32_t next = int32_t(held.size() * 7 % size_t(fakeVocabulary));
      lmopt_session_t *handle = session.get();
      std::vector<float> found(fakeVocabulary);
      EXPECT_OK(tell([&](lmopt_error_t *error) {
        return top ? lmopt_sessions_decode_top(&handle, 1, &next, top, found.data(), error)
                   : lmopt_sessions_decode(&handle, 1, &next, found.data(), error);
      }));
      held.push_back(next);
      std::vector<float> expected = fakeLogits(held, held.size());
      if (top)
        expected = onlyGreatest(expected, top);
      EXPECT_EQ(found, expected);
    }
  };
};

TEST_F(DeviceWalkTest, isOneLaunchAStep) {
  Model model = openModel(walkPath);
  Team team = gpu();
  Sequence sequence(model, team, 10);
  forget();
  sequence.decode();
  unsigned uploads = calls("cuMemcpyHtoDAsync") - 1; // of the records
  for (int i = 0; i < 49; ++i)
    sequence.decode();
  EXPECT_EQ(uploads, 1u);
  EXPECT_EQ(calls("cuLaunchKernelEx"), 50u);
  EXPECT_EQ(calls("cuMemcpyHtoDAsync"), 50u + uploads);
  EXPECT_EQ(calls("cuMemcpyDtoHAsync"), 50u);
  EXPECT_EQ(calls("cuStreamBeginCapture") + calls("cuGraphLaunch"), 0u);
}

// Blocks by turns, stores that are seen late: the counter of each step begins at zero.
TEST_F(DeviceWalkTest, strictly) {
  for (const char *seed : {"1", "2", "3"}) {
    setenv("FAKE_CUDA_STRICT", seed, 1);
    Model model = openModel(walkPath);
    Team team = gpu();
    Sequence sequence(model, team, kUnit - 2);
    for (int i = 0; i < 4; ++i)
      sequence.decode(i % 2 ? 5 : 0);
  }
}

TEST_F(DeviceWalkTest, keysAreThoseOfRecordings) {
  Model model = openModel(walkPath);
  Team team = gpu();
  Sequence sequence(model, team, kUnit - 2);
  sequence.decode();
  size_t before = inspect().allocations;
  sequence.decode();
  EXPECT_EQ(inspect().allocations, before);
  sequence.decode(); // beyond the unit
  EXPECT_EQ(inspect().allocations, before + 1);
  sequence.decode(3);
  EXPECT_EQ(inspect().allocations, before + 2);
  sequence.session.reset();
  model.reset();
  team.reset();
  EXPECT_EQ(inspect().allocations, 0u) << "records go with the model";
}

// Not asked for: recorded as ever.
TEST_F(DeviceWalkTest, onlyWhereItIsAskedFor) {
  for (const char *word : {"", "0"}) {
    setenv("LMOPT_CUDA_PERSISTENT", word, 1);
    Model model = openModel(walkPath);
    Team team = gpu();
    Sequence sequence(model, team, 10);
    forget();
    sequence.decode();
    EXPECT_EQ(calls("cuGraphLaunch"), 1u);
  }
}

// A kernel that the walker does not do: recorded, or, where that is off, launched.
TEST_F(DeviceWalkTest, stepsThatTheWalkerDoesNotDo) {
  Model model = openModel(halfPath);
  {
    Team team = gpu();
    Sequence sequence(model, team, 10);
    forget();
    sequence.decode();
    sequence.decode();
    EXPECT_EQ(calls("cuGraphLaunch"), 2u);
    EXPECT_EQ(calls("cuStreamBeginCapture"), 1u);
  }
  setenv("LMOPT_CUDA_GRAPHS", "0", 1);
  Team team = gpu();
  Sequence sequence(model, team, 10);
  forget();
  sequence.decode();
  sequence.decode();
  EXPECT_EQ(calls("cuLaunchKernelEx"), 6u);
  EXPECT_EQ(calls("cuGraphLaunch"), 0u);
}

TEST_F(DeviceWalkTest, aModelWithoutAWalkerIsRefused) {
  Model model = openModel(deviceDecoderPath);
  Session session;
  Answer answer = trySession(model, gpu(), session);
  EXPECT_EQ(answer.status, LMOPT_ERROR_USAGE);
  EXPECT_HAS(answer, "it has no persistent kernel; LMOPT_CUDA_PERSISTENT asks for decode steps in one launch");
  Model encoder = openModel(deviceEncoderPath); // has no decode steps
  EXPECT_OK(trySession(encoder, gpu(), session));
}

TEST_F(DeviceWalkTest, aWalkerThatIsNotInTheImageIsNeededByWhoAsks) {
  TemporaryDirectory directory;
  std::string bytes = readFile(walkPath);
  size_t name = bytes.rfind(std::string("choose\0walk", 11));
  ASSERT_NE(name, std::string::npos);
  bytes[name + 7] = 'v';
  Model model = openModel(directory.write("changed.so", resealed(bytes)));
  Session session;
  EXPECT_HAS(trySession(model, gpu(), session), "finding kernel 'valk' failed");
  unsetenv("LMOPT_CUDA_PERSISTENT");
  Team team = gpu();
  Sequence(model, team, 5).decode();
}

TEST_F(DeviceWalkTest, everyCallMayFail) {
  const std::pair<const char *, const char *> cases[] = {
      {"cuMemAlloc:1:2", "a recording"},
      {"cuMemcpyHtoDAsync:1:2", "copying to the GPU failed"},
      {"cuMemcpyHtoDAsync:2:2", "copying to the GPU failed"},
      {"cuLaunchKernelEx:1:2", "launching kernel 'walk' failed"},
      {"cuMemcpyDtoHAsync:1:2", "copying from the GPU failed"},
  };
  for (auto [which, message] : cases) {
    Model model = openModel(walkPath);
    Team team = gpu();
    Sequence sequence(model, team, 33);
    forget();
    setenv("FAKE_CUDA_FAIL", which, 1);
    Answer answer = tryDecode(sequence.session);
    EXPECT_EQ(answer.status, LMOPT_ERROR_RESOURCE) << which;
    EXPECT_HAS(answer, message);
    unsetenv("FAKE_CUDA_FAIL");
    sequence.decode();
  }
}

// What waits for ever in the interpreter is a fault of the driver, and the message says what ran.
TEST_F(DeviceWalkTest, aHangIsAnError) {
  TemporaryDirectory directory;
  std::string bytes = readFile(walkPath);
  std::string arrival = "red.release.gpu.global.add.u32 [%q2], 1;";
  size_t at = bytes.find(arrival);
  ASSERT_NE(at, std::string::npos);
  bytes[at + arrival.size() - 2] = '0';
  Model model = openModel(directory.write("changed.so", resealed(bytes)));
  Session session = makeSession(model, gpu());
  Answer answer = tryDecode(session);
  EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
  EXPECT_HAS(answer, "launched last: step 'decode', kernel 'walk'");
}

} // namespace
