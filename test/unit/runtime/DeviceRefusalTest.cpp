// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sessions on a GPU that fails: every single call of the driver and every allocation of the host refused in turn, from
// opening the model to the last step; a kernel that faults; images and kernels that are not there. Each time the call
// fails with a message and nothing is left behind.
#include "DeviceSessionFixture.h"
#include "test/Reseal.h"

using namespace lmopt::test;

namespace {
thread_local long countdown = -1; // allocations of the host until the one that fails; negative: none does
bool refuses() { return countdown >= 0 && countdown-- == 0; }
} // namespace

// The linker redirects the runtime's calls here (--wrap).
extern "C" {
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size) { return refuses() ? nullptr : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return refuses() ? nullptr : __real_calloc(count, size); }
}

namespace {

class DeviceRefusalTest : public DeviceSessionTest {
protected:
  struct Handles {
    Model model;
    Team team;
    Session session;
  };

  /// All that a program does, up to the first failure.
  static lmopt_status_t useAll(Handles &all, lmopt_error_t *error) {
    static float logits[fakeVocabulary];
    const std::vector<int32_t> tokens = someTokens(50);
    auto ignore = [](void *, int64_t, int64_t, const float *) { return 0; };
    auto ignoreToken = [](void *, int32_t) { return 0; };
    lmopt_model_t *model = nullptr;
    lmopt_status_t status = lmopt_model_open(deviceDecoderPath.c_str(), nullptr, &model, error);
    all.model.reset(model);
    lmopt_session_options_t options{};
    options.struct_size = sizeof options;
    options.device = "cuda";
    lmopt_session_t *session = nullptr;
    if (!status)
      status = lmopt_session_create(model, &options, &session, error);
    all.session.reset(session);
    if (!status)
      status = lmopt_session_prefill_rows(session, tokens.data(), 50, 46, ignore, nullptr, error);
    if (!status)
      status = lmopt_session_decode(session, 1, logits, error);
    return status ? status : lmopt_session_generate(session, 1, nullptr, 20, ignoreToken, nullptr, error);
  }

  static void releaseAll(Handles &all) { all = {}; }

  /// The fake decoder with one thing in its bytes replaced by another of the same length.
  static Model openChanged(const TemporaryDirectory &directory, const std::string &what, const std::string &by) {
    std::string bytes = readFile(deviceDecoderPath);
    size_t at = bytes.find(what);
    EXPECT_NE(at, std::string::npos);
    EXPECT_EQ(what.size(), by.size());
    bytes.replace(at, what.size(), by);
    return openModel(directory.write("changed.so", resealed(bytes)));
  }
};

TEST_F(DeviceRefusalTest, everyCallMayFail) {
  int failures = 0, call = 1;
  for (; call < 260; ++call) {
    forget();
    Handles all;
    setenv("FAKE_CUDA_FAIL", ("*:" + std::to_string(call) + ":2").c_str(), 1);
    Answer answer = tell([&](lmopt_error_t *error) { return useAll(all, error); });
    unsetenv("FAKE_CUDA_FAIL");
    releaseAll(all);
    ASSERT_EQ(describe(inspect()), describe({})) << "call " << call;
    failures += answer.status != LMOPT_OK; // it is none where the driver only tells less of the card
    EXPECT_EQ(answer.message.empty(), answer.status == LMOPT_OK);
  }
  EXPECT_GT(failures, 90);
  EXPECT_LT(failures, 240) << "not all calls were reached";
}

TEST_F(DeviceRefusalTest, everyAllocationMayFail) {
  int failures = 0;
  for (;; ++failures) {
    Handles all;
    countdown = failures;
    Answer answer = tell([&](lmopt_error_t *error) { return useAll(all, error); });
    countdown = -1;
    releaseAll(all);
    ASSERT_EQ(describe(inspect()), describe({})) << "after " << failures;
    if (answer.status == LMOPT_OK)
      break;
    ASSERT_EQ(answer.status, LMOPT_ERROR_RESOURCE) << answer.message;
    EXPECT_HAS(answer, "out of memory: ");
  }
  EXPECT_GE(failures, 15) << "did the linker redirect anything?";
}

TEST_F(DeviceRefusalTest, aKernelThatFaults) {
  Handles all;
  EXPECT_OK(tell([&](lmopt_error_t *error) { return useAll(all, error); }));
  setenv("FAKE_CUDA_FAIL", "cuStreamSynchronize:1:700", 1);
  Answer answer = tryDecode(all.session);
  EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
  EXPECT_HAS(answer, "launched last: step 'decode', kernel 'one of a recording (LMOPT_CUDA_GRAPHS=0 tells which)'");
  EXPECT_EQ(lmopt_session_position(all.session.get()), 71) << "the token did not go in";
  unsetenv("FAKE_CUDA_FAIL");
  EXPECT_EQ(tryDecode(all.session).message, answer.message) << "it is dead";
}

// Nobody wants to know anything of a chunk in the middle of a prompt; its fault is told all the same.
TEST_F(DeviceRefusalTest, aFaultWithoutResults) {
  Model model = openModel(deviceDecoderPath);
  Session session = makeSession(model, gpu());
  std::vector<int32_t> tokens = someTokens(20);
  forget();
  setenv("FAKE_CUDA_FAIL", "cuStreamSynchronize:1:700", 1);
  Answer answer = tell(
      [&](lmopt_error_t *error) { return lmopt_session_prefill(session.get(), tokens.data(), 20, nullptr, error); });
  EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
  EXPECT_HAS(answer, "launched last: step 'prefill', kernel 'sum'");
  EXPECT_EQ(lmopt_session_position(session.get()), 0);
}

// Host code and table must be of one compilation.
TEST_F(DeviceRefusalTest, aKernelThatIsNotInTheTable) {
  TemporaryDirectory directory;
  auto header = [](uint32_t count) {
    lmopt_kernels_t kernels{LMOPT_KERNELS_MAGIC, count, 0};
    return std::string(reinterpret_cast<const char *>(&kernels), sizeof kernels);
  };
  Model model = openChanged(directory, header(4), header(2));
  Session session = makeSession(model, gpu());
  Answer answer = tryDecode(session);
  EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
  EXPECT_HAS(answer, "the code of entry \"decode\" launches kernel 2; there are 2");
}

// A launch that is refused ends the step; what came before has run, so the next step is not disturbed.
TEST_F(DeviceRefusalTest, aLaunchThatIsRefused) {
  for (const char *which : {"1", "2", "3"}) {
    Model model = openModel(deviceDecoderPath);
    Session session = makeSession(model, gpu());
    std::vector<int32_t> tokens = someTokens(33);
    prefill(session, part(tokens, 0, 32));
    forget();
    setenv("FAKE_CUDA_FAIL", ("cuLaunchKernelEx:" + std::string(which) + ":701").c_str(), 1);
    Answer answer = tryDecode(session, tokens[32]);
    EXPECT_EQ(answer.status, LMOPT_ERROR_RESOURCE);
    EXPECT_HAS(answer, "launching kernel '");
    EXPECT_EQ(lmopt_session_position(session.get()), 32);
    unsetenv("FAKE_CUDA_FAIL");
    EXPECT_EQ(decode(session, tokens[32]), fakeLogits(tokens, 33));
  }
}

TEST_F(DeviceRefusalTest, aKernelThatIsNotInTheImage) {
  TemporaryDirectory directory;
  Model model = openChanged(directory, std::string("answer\0", 7), std::string("ansver\0", 7));
  Session session;
  Answer answer = trySession(model, gpu(), session);
  EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
  EXPECT_HAS(answer, "finding kernel 'ansver' failed");
}

/// The name of a blob, in the field of its entry.
std::string named(const std::string &name) { return name + std::string(LMOPT_META_NAME_SIZE - name.size(), '\0'); }

/// The fake decoder with other names for its blobs.
std::string withNames(const std::vector<std::pair<std::string, std::string>> &names) {
  std::string bytes = readFile(deviceDecoderPath);
  for (const auto &[from, into] : names) {
    size_t at = bytes.find(named(from));
    EXPECT_NE(at, std::string::npos) << from;
    bytes.replace(at, LMOPT_META_NAME_SIZE, named(into));
  }
  return bytes;
}

// Of a later capability; of this generation, but of another card alone; of a kind that this runtime does not know.
TEST_F(DeviceRefusalTest, noImageForThisCard) {
  const std::pair<std::string, const char *> cases[] = {{"sm_99", "sm_99"}, {"sm_86a", "sm_86a"}, {"sm_80f", "none"}};
  for (const auto &[architecture, told] : cases) {
    TemporaryDirectory directory;
    std::string bytes = withNames({{"kernels.sm_80", "kernels." + architecture}, {"ptx.sm_80", "ptx." + architecture}});
    Model model = openModel(directory.write("changed.so", resealed(bytes)));
    Session session;
    Answer answer = trySession(model, gpu(), session);
    EXPECT_EQ(answer.status, LMOPT_ERROR_ABI);
    EXPECT_HAS(answer, std::string("it has compute capability 9.0; there is code for: ") + told);
  }
}

// Each image is launched by its own table: here that of the first, which is of an unknown kind, names no kernel of the
// other.
TEST_F(DeviceRefusalTest, theTableOfTheImageThatRuns) {
  TemporaryDirectory directory;
  std::string bytes =
      withNames({{"kernels.sm_80", "kernels.sm_80f"}, {"spare.1", "kernels.sm_80"}, {"spare.2", "ptx.sm_80f"}});
  lmopt_kernels_t header{LMOPT_KERNELS_MAGIC, 4, 0};
  size_t table = bytes.find(std::string(reinterpret_cast<const char *>(&header), sizeof header)), size = 123;
  size_t spare = bytes.find(std::string(128, '\0'), bytes.find("ld.global", table));
  std::string copy = bytes.substr(table, size);
  bytes.replace(spare, size, copy); // of the first of the two spare blobs
  bytes[bytes.find("remember", table)] = 'x';
  lmopt_meta_entry_t entry;
  size_t at = bytes.find(named("kernels.sm_80"));
  std::memcpy(&entry, &bytes[at], sizeof entry);
  entry.size = size;
  std::memcpy(&bytes[at], &entry, sizeof entry);
  Model model = openModel(directory.write("changed.so", resealed(bytes)));
  Session session = makeSession(model, gpu());
  EXPECT_EQ(decode(session, 5), fakeLogits({5}, 1));
}

TEST_F(DeviceRefusalTest, aDriverTooOldForTheText) {
  TemporaryDirectory directory;
  Model model = openChanged(directory, ".version 7.0", ".version 8.6");
  setenv("FAKE_CUDA_VERSION", "12040", 1);
  Session session;
  Answer answer = trySession(model, gpu(), session);
  EXPECT_EQ(answer.status, LMOPT_ERROR_ABI);
  EXPECT_HAS(answer, "the driver is too old for PTX 8.6: it serves CUDA 12.4; 12.7 or newer is needed");
}

} // namespace
