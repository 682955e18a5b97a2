// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model on a GPU: what is shared, when memory is asked for, and who may not compute with it: the wrong kind of team,
// no driver, no card, too little memory, a state. Nothing ever computes elsewhere instead.
#include "DeviceSessionFixture.h"
#include "test/Reseal.h"

#include <thread>

using namespace lmopt::test;

namespace {

class DeviceModelTest : public DeviceSessionTest {};

TEST_F(DeviceModelTest, opensWithoutADriver) {
  setenv("LMOPT_LIBCUDA", "/nowhere/libcuda.so.1", 1);
  Model model = openModel(deviceDecoderPath);
  lmopt_model_info_t info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(lmopt_model_get_info(model.get(), &info, nullptr), LMOPT_OK);
  EXPECT_EQ(info.device, uint32_t(LMOPT_COMPUTES_ON_CUDA));
  EXPECT_EQ(info.isa, 0u);
  EXPECT_EQ(info.weight_bytes, 8192u);
  Model other = openModel(decoderPath);
  ASSERT_EQ(lmopt_model_get_info(other.get(), &info, nullptr), LMOPT_OK);
  EXPECT_EQ(info.device, uint32_t(LMOPT_COMPUTES_ON_CPU));
  Team team;
  Answer answer = tryTeam("cuda", team);
  EXPECT_EQ(answer.status, LMOPT_ERROR_CPU);
  EXPECT_HAS(answer, "/nowhere/libcuda.so.1");
}

TEST_F(DeviceModelTest, noCard) {
  setenv("FAKE_CUDA_NO_DEVICE", "1", 1);
  Model model = openModel(deviceDecoderPath);
  lmopt_session_options_t options{};
  options.device = "cuda";
  Session session;
  EXPECT_EQ(trySession(model, options, session).status, LMOPT_ERROR_CPU);
}

TEST_F(DeviceModelTest, namesOfDevices) {
  Team team;
  Answer answer = tryTeam("gpu", team);
  EXPECT_EQ(answer.status, LMOPT_ERROR_USAGE);
  EXPECT_HAS(answer, "there is no device 'gpu'; expected cpu, cuda or cuda:N");
  EXPECT_EQ(tryTeam("", team).status, LMOPT_ERROR_USAGE);
  EXPECT_EQ(tryTeam("cuda:1", team).status, LMOPT_ERROR_CPU);
  EXPECT_OK(tryTeam("cpu", team));
  EXPECT_OK(tryTeam(nullptr, team));
  Model model = openModel(decoderPath);
  Session session;
  lmopt_session_options_t options{};
  options.device = "gpu";
  EXPECT_HAS(trySession(model, options, session), "there is no device 'gpu'"); // before which kind it would be
}

TEST_F(DeviceModelTest, optionsOfThreadsAreNoneOfAGpu) {
  const int32_t cpus[] = {0};
  lmopt_team_options_t options{};
  options.struct_size = sizeof options;
  options.device = "cuda";
  for (int which = 0; which < 3; ++which) {
    options.threads = which == 0 ? 2 : 1;
    options.cpus = which == 1 ? cpus : nullptr;
    options.spin_us = which == 2 ? 5 : 0;
    lmopt_team_t *team = nullptr;
    Answer answer = tell([&](lmopt_error_t *error) { return lmopt_team_create(&options, &team, error); });
    EXPECT_EQ(answer.status, LMOPT_ERROR_USAGE);
    EXPECT_HAS(answer, "are of teams of threads");
  }
}

// Also where there is no driver: what the user must do comes first.
TEST_F(DeviceModelTest, theWrongKindOfTeam) {
  Team threads = makeTeam(2), team = gpu();
  Model forGpu = openModel(deviceDecoderPath), forCpu = openModel(decoderPath);
  Session session;
  lmopt_session_options_t plain{}, cuda{};
  cuda.device = "cuda";
  setenv("LMOPT_LIBCUDA", "/nowhere/libcuda.so.1", 1);
  for (const Answer &answer : {trySession(forGpu, threads, session), trySession(forGpu, plain, session)}) {
    EXPECT_EQ(answer.status, LMOPT_ERROR_USAGE);
    EXPECT_HAS(answer, "fake_device_decoder.so was compiled for GPUs: this artifact needs --device cuda");
  }
  for (const Answer &answer : {trySession(forCpu, team, session), trySession(forCpu, cuda, session)}) {
    EXPECT_EQ(answer.status, LMOPT_ERROR_USAGE);
    EXPECT_HAS(answer, "fake_decoder.so was compiled for CPUs: this artifact needs --device cpu");
  }
}

TEST_F(DeviceModelTest, statesAreNotSupported) {
  Model model = openModel(deviceStatePath);
  Session session;
  Answer answer = trySession(model, gpu(), session);
  EXPECT_EQ(answer.status, LMOPT_ERROR_UNSUPPORTED);
  EXPECT_HAS(answer, "keeps a state of 16 bytes for each sequence");
}

TEST_F(DeviceModelTest, encodersHaveNoCacheThere) {
  lmopt_model_t *model = nullptr;
  Answer answer = tell([&](lmopt_error_t *error) {
    return lmopt_model_open(LMOPT_BINARY_DIR "/lib/fake_device_cached.so", nullptr, &model, error);
  });
  EXPECT_EQ(answer.status, LMOPT_ERROR_MALFORMED);
  EXPECT_HAS(answer, "code table: field cache_bytes_per_position makes no sense");
}

TEST_F(DeviceModelTest, anUnknownDevice) {
  std::string bytes = readFile(deviceDecoderPath);
  const uint64_t note[] = {LMOPT_NOTE_MAGIC, LMOPT_ABI_VERSION | uint64_t(LMOPT_ABI_VERSION) << 32, 0, 8192,
                           1}; // the last: device, reserved
  size_t at = bytes.find(std::string(reinterpret_cast<const char *>(note), sizeof note));
  ASSERT_NE(at, std::string::npos);
  bytes[at + 32] = 2;
  TemporaryDirectory directory;
  std::string path = directory.write("unknown.so", resealed(bytes));
  lmopt_model_t *model = nullptr;
  Answer answer = tell([&](lmopt_error_t *error) { return lmopt_model_open(path.c_str(), nullptr, &model, error); });
  EXPECT_EQ(answer.status, LMOPT_ERROR_ABI);
  EXPECT_HAS(answer, "computes on a device of kind 2");
}

TEST_F(DeviceModelTest, oldDrivers) {
  Model model = openModel(deviceDecoderPath);
  setenv("FAKE_CUDA_SM", "75", 1);
  Team team;
  Answer answer = tryTeam("cuda", team);
  EXPECT_EQ(answer.status, LMOPT_ERROR_CPU);
  EXPECT_HAS(answer, "compute capability 7.5");
}

/*===--- What is shared ---===*/

TEST_F(DeviceModelTest, teamsOfAGpuShareTheWeights) {
  Model model = openModel(deviceDecoderPath);
  Team one = gpu(), other = gpu();
  EXPECT_EQ(inspect().modules, 0u) << "a team knows no model";
  Session first = makeSession(model, one);
  FakeCudaLive before = inspect();
  EXPECT_EQ(before.modules, 1u);
  Session second = makeSession(model, other), third = makeSession(model, one);
  FakeCudaLive after = inspect();
  EXPECT_EQ(after.modules, 1u);
  EXPECT_EQ(after.allocations, before.allocations + 3) << "arena, results and input of the other team";
  EXPECT_EQ(after.streams, 2u);
  std::vector<int32_t> tokens = someTokens(20);
  EXPECT_EQ(prefill(first, tokens), fakeLogits(tokens, 20));
  EXPECT_EQ(prefill(second, tokens), fakeLogits(tokens, 20));
  first.reset();
  second.reset();
  third.reset();
  EXPECT_EQ(inspect().modules, 1u) << "the next session shall find it";
  model.reset();
  EXPECT_EQ(inspect().modules, 0u);
}

TEST_F(DeviceModelTest, aTeamServesSeveralModels) {
  Team team = gpu();
  Model decoder = openModel(deviceDecoderPath), encoder = openModel(deviceEncoderPath);
  Session one = makeSession(decoder, team), other = makeSession(encoder, team);
  std::vector<int32_t> tokens = someTokens(20);
  EXPECT_EQ(prefill(one, tokens), fakeLogits(tokens, 20));
  std::vector<float> vector(fakeWidth);
  const int64_t length = 20;
  ASSERT_EQ(lmopt_session_encode(other.get(), tokens.data(), &length, 1, vector.data(), nullptr), LMOPT_OK);
  EXPECT_EQ(vector, fakeVector(tokens));
  EXPECT_EQ(decode(one, 5), [&] {
    tokens.push_back(5);
    return fakeLogits(tokens, 21);
  }());
}

// What a step brings grows with the model, here on full packs.
TEST_F(DeviceModelTest, theSecondModelIsLarger) {
  Team team = gpu();
  Model decoder = openModel(deviceDecoderPath), encoder = openModel(deviceEncoderPath);
  Session one = makeSession(decoder, team), other = makeSession(encoder, team);
  std::vector<int32_t> tokens = someTokens(100);
  std::vector<float> vectors(10 * fakeWidth);
  const std::vector<int64_t> ten(10, 10);
  ASSERT_EQ(lmopt_session_encode(other.get(), tokens.data(), ten.data(), 10, vectors.data(), nullptr), LMOPT_OK);
  for (size_t i = 0; i < 10; ++i) {
    auto own = vectors.begin() + std::ptrdiff_t(i * fakeWidth);
    EXPECT_EQ(std::vector<float>(own, own + fakeWidth), fakeVector(part(tokens, 10 * i, 10 * i + 10))) << i;
  }
}

// A team that cannot have room for another model still has it for the one it serves. In turn: its weights, the two
// pieces of their upload, what a step brings (on the card, on the host), its results.
TEST_F(DeviceModelTest, aModelThatDoesNotFitHarmsNobody) {
  std::vector<int32_t> tokens = someTokens(40);
  const char *refused[] = {"cuMemAlloc:1:2", "cuMemAllocHost:2:2", "cuMemAlloc:2:2", "cuMemAllocHost:3:2",
                           "cuMemAlloc:3:2"};
  for (const char *which : refused) {
    Team team = gpu();
    Model decoder = openModel(deviceDecoderPath), encoder = openModel(deviceEncoderPath);
    Session one = makeSession(decoder, team), other;
    forget();
    setenv("FAKE_CUDA_FAIL", which, 1);
    EXPECT_EQ(trySession(encoder, team, other).status, LMOPT_ERROR_RESOURCE) << which;
    unsetenv("FAKE_CUDA_FAIL");
    EXPECT_EQ(prefill(one, tokens), fakeLogits(tokens, 40)) << which;
    EXPECT_OK(trySession(encoder, team, other));
    std::vector<float> vector(fakeWidth);
    const int64_t length = 40;
    ASSERT_EQ(lmopt_session_encode(other.get(), tokens.data(), &length, 1, vector.data(), nullptr), LMOPT_OK);
    EXPECT_EQ(vector, fakeVector(tokens));
  }
}

// Each with its own team, all at once, also their first sessions.
TEST_F(DeviceModelTest, manyThreadsOfTheHost) {
  Model model = openModel(deviceDecoderPath);
  std::vector<int32_t> tokens = someTokens(70);
  std::vector<float> logits[4];
  std::vector<std::thread> threads;
  for (std::vector<float> &own : logits)
    threads.emplace_back([&] {
      Session session = makeSession(model, gpu());
      own = prefill(session, tokens);
    });
  for (std::thread &thread : threads)
    thread.join();
  for (const std::vector<float> &own : logits)
    EXPECT_EQ(own, fakeLogits(tokens, 70));
}

/*===--- Memory ---===*/

TEST_F(DeviceModelTest, theCacheTakesPagesAsTokensArrive) {
  Model model = openModel(deviceDecoderPath);
  Session session = makeSession(model, gpu());
  EXPECT_EQ(inspect().reservations, 1u);
  EXPECT_EQ(inspect().physicalPages, 0u);
  decode(session, 1);
  EXPECT_EQ(inspect().physicalPages, 1u);
}

// 64 positions are two pages. What was taken stays when the sequence is cut back.
TEST_F(DeviceModelTest, theCacheGrowsByBlocks) {
  Model model = openModel(LMOPT_BINARY_DIR "/lib/fake_device_large.so");
  Session session = makeSession(model, gpu());
  std::vector<int32_t> tokens = someTokens(130);
  prefill(session, part(tokens, 0, 64));
  EXPECT_EQ(inspect().physicalPages, 2u);
  EXPECT_EQ(decode(session, tokens[64]), fakeLogits(tokens, 65));
  EXPECT_EQ(inspect().physicalPages, 4u);
  EXPECT_EQ(prefill(session, part(tokens, 65, 130)), fakeLogits(tokens, 130));
  EXPECT_EQ(inspect().physicalPages, 6u);
  ASSERT_EQ(lmopt_session_truncate(session.get(), 10, nullptr), LMOPT_OK);
  EXPECT_EQ(decode(session, tokens[10]), fakeLogits(tokens, 11));
  EXPECT_EQ(inspect().physicalPages, 6u);
}

// All is asked for when a session is made: a step of few rows asks for nothing.
TEST_F(DeviceModelTest, stepsAskForNothing) {
  Model model = openModel(deviceDecoderPath);
  Session session = makeSession(model, gpu());
  decode(session, 1); // the first page
  FakeCudaLive before = inspect();
  setenv("FAKE_CUDA_FAIL", "cuMemAlloc:1:2,cuMemAllocHost:1:2,cuMemCreate:1:2", 1);
  std::vector<int32_t> tokens = someTokens(60);
  prefill(session, tokens);
  decode(session, 2);
  unsetenv("FAKE_CUDA_FAIL");
  EXPECT_EQ(describe(inspect()), describe(before));
}

TEST_F(DeviceModelTest, tooLittleMemoryForTheModel) {
  Model model = openModel(deviceDecoderPath);
  setenv("FAKE_CUDA_MEMORY", "10000", 1);
  Session session;
  Answer answer = trySession(model, gpu(), session);
  EXPECT_EQ(answer.status, LMOPT_ERROR_RESOURCE);
  EXPECT_HAS(answer, "the weights need 8192 bytes, the arena ");
  EXPECT_HAS(answer, ", the cache 1024; 10000 of 10000 are free");
  EXPECT_EQ(inspect().allocations, 0u) << "nothing was asked for";
}

// What is there already is not counted again.
TEST_F(DeviceModelTest, anotherSessionNeedsItsCacheOnly) {
  Model model = openModel(deviceDecoderPath);
  Team team = gpu();
  Session first = makeSession(model, team), second, third;
  setenv("FAKE_CUDA_MEMORY", std::to_string(inspect().deviceBytes + 1024).c_str(), 1);
  EXPECT_OK(trySession(model, team, second));
  setenv("FAKE_CUDA_MEMORY", std::to_string(inspect().deviceBytes + 1023).c_str(), 1);
  EXPECT_HAS(trySession(model, team, third), "the weights need 0 bytes, the arena 0, the cache 1024; 1023 of ");
}

// The session lives on, and goes on when there is memory.
TEST_F(DeviceModelTest, tooLittleMemoryForTheCache) {
  Model model = openModel(deviceDecoderPath);
  Session session = makeSession(model, gpu());
  std::vector<int32_t> tokens = someTokens(10);
  setenv("FAKE_CUDA_FAIL", "cuMemCreate:1:2", 1);
  Answer answer = tryDecode(session, tokens[0]);
  EXPECT_EQ(answer.status, LMOPT_ERROR_RESOURCE);
  EXPECT_HAS(answer, "the cache needs ");
  EXPECT_EQ(lmopt_session_position(session.get()), 0);
  unsetenv("FAKE_CUDA_FAIL");
  EXPECT_EQ(prefill(session, tokens), fakeLogits(tokens, 10));
}

// Nothing is asked for in a step, however many logits it wants.
TEST_F(DeviceModelTest, resultsOfManyRowsNeedNoMemory) {
  Model model = openModel(deviceDecoderPath);
  Session session = makeSession(model, gpu());
  std::vector<int32_t> tokens = someTokens(31);
  auto ignore = [](void *, int64_t, int64_t, const float *) { return 0; };
  setenv("FAKE_CUDA_FAIL", "cuMemAlloc:1:2", 1);
  EXPECT_OK(tell([&](lmopt_error_t *error) {
    return lmopt_session_prefill_rows(session.get(), tokens.data(), 30, 0, ignore, nullptr, error);
  }));
  EXPECT_EQ(decode(session, tokens[30]), fakeLogits(tokens, 31));
}

} // namespace
