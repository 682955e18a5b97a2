// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Streams: launches and copies in order, grid barriers, recordings, events. Where it matters, streams are late and
// warps and blocks run in an order of a seed (the fake driver's strict mode).
#include "DeviceFixture.h"

#include <thread>

using namespace lmopt::test;

namespace {

class DeviceStreamTest : public DeviceTest {
protected:
  static Answer record(const Stream &stream, lmoptp_record_fn work, void *user, Graph &graph) {
    lmoptp_graph_t *recorded = nullptr;
    Answer answer = tell([&](lmopt_error_t *error) {
      return lmoptp_stream_record(stream.get(), "decode", work, user, &recorded, error);
    });
    EXPECT_EQ(recorded == nullptr, answer.status != LMOPT_OK);
    graph.reset(recorded);
    return answer;
  }
  static Answer launchGraph(const Stream &stream, const Graph &graph) {
    return tell([&](lmopt_error_t *error) { return lmoptp_stream_launch_graph(stream.get(), graph.get(), error); });
  }
  static Answer recordEvent(const Event &event, const Stream &stream) {
    return tell([&](lmopt_error_t *error) { return lmoptp_event_record(event.get(), stream.get(), error); });
  }
  static Answer elapsed(const Event &start, const Event &end, float &milliseconds) {
    return tell(
        [&](lmopt_error_t *error) { return lmoptp_event_elapsed(start.get(), end.get(), &milliseconds, error); });
  }
};

TEST_F(DeviceStreamTest, uploadsLaunchesAndReadsBack) {
  for (const char *seed : {"", "1"}) {
    *seed ? setenv("FAKE_CUDA_STRICT", seed, 1) : unsetenv("FAKE_CUDA_STRICT");
    Device device = open();
    Module module = load(device);
    Stream stream = makeStream(device);
    DeviceBlock in(device, counted(4 * kThreads)), out(device, 16 * kThreads);
    lmoptp_kernel_t add = kernel(module, "add");
    EXPECT_OK(launch(stream, add, 4, AddArguments{in.address, out.address, 100}));
    EXPECT_OK(launch(stream, add, 4, AddArguments{out.address, out.address, 11}));
    EXPECT_EQ(read(stream, out.address, 4 * kThreads), counted(4 * kThreads, 111));
  }
}

TEST_F(DeviceStreamTest, copiesFromPinnedMemory) {
  setenv("FAKE_CUDA_STRICT", "1", 1);
  Device device = open();
  Stream stream = makeStream(device);
  DeviceBlock block(device, 8);
  uint32_t numbers[2] = {1, 2};
  EXPECT_OK(tell(
      [&](lmopt_error_t *error) { return lmoptp_stream_copy_in(stream.get(), block.address, numbers, 8, error); }));
  numbers[1] = 3; // the copy has not run: that is the caller's to know
  EXPECT_EQ(read(stream, block.address, 2), (std::vector<uint32_t>{1, 3}));
}

TEST_F(DeviceStreamTest, aStreamThatGoesHasRun) {
  setenv("FAKE_CUDA_STRICT", "1", 1);
  Device device = open();
  Stream stream = makeStream(device);
  DeviceBlock block(device, counted(2, 8));
  uint32_t numbers[2] = {};
  EXPECT_OK(tell(
      [&](lmopt_error_t *error) { return lmoptp_stream_copy_out(stream.get(), numbers, block.address, 8, error); }));
  EXPECT_EQ(numbers[1], 0u);
  stream.reset();
  EXPECT_EQ(numbers[1], 9u);
}

TEST_F(DeviceStreamTest, aLaunchThatIsWrong) {
  Device device = open();
  Module module = load(device);
  Stream stream = makeStream(device);
  Answer answer = launch(stream, kernel(module, "add"), 1, uint64_t(0)); // too few arguments
  EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
  EXPECT_HAS(answer, "launching kernel 'add' failed: CUDA_ERROR_INVALID_VALUE");
  EXPECT_OK(synchronize(stream)); // the device lives
}

TEST_F(DeviceStreamTest, aGridBarrier) {
  for (const char *seed : {"", "1", "2", "3"}) {
    *seed ? setenv("FAKE_CUDA_STRICT", seed, 1) : unsetenv("FAKE_CUDA_STRICT");
    Device device = open();
    Module module = load(device);
    Stream stream = makeStream(device);
    constexpr uint32_t kBlocks = 8;
    DeviceBlock in(device, counted(kBlocks, 1)), counter(device, counted(1)), middle(device, 4 * kBlocks),
        out(device, 4 * kBlocks);
    const uint64_t arguments[] = {in.address, counter.address, middle.address, out.address};
    lmoptp_kernel_t exchange = kernel(module, "exchange", 1);
    EXPECT_OK(launch(stream, exchange, kBlocks, arguments, LMOPTP_LAUNCH_COOPERATIVE));
    EXPECT_EQ(read(stream, out.address, kBlocks), std::vector<uint32_t>(kBlocks, 36)) << "seed " << seed;
  }
}

TEST_F(DeviceStreamTest, aCooperativeGridThatIsNotResident) {
  Device device = open();
  Module module = load(device);
  Stream stream = makeStream(device);
  DeviceBlock in(device, counted(33 * 256)), out(device, 4 * 33 * 256);
  lmoptp_kernel_t add = kernel(module, "add", 256);
  AddArguments arguments{in.address, out.address, 1};
  ASSERT_EQ(add.resident_blocks, 32);
  EXPECT_OK(launch(stream, add, 33, arguments));
  EXPECT_OK(launch(stream, add, 32, arguments, LMOPTP_LAUNCH_COOPERATIVE));
  EXPECT_OK(synchronize(stream));
  Answer answer = launch(stream, add, 33, arguments, LMOPTP_LAUNCH_COOPERATIVE);
  EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
  EXPECT_HAS(answer, "kernel 'add': a cooperative grid of 33 blocks; 32 are resident at once");
}

struct Step {
  const lmoptp_kernel_t *add;
  AddArguments arguments;
  void *into; // pinned
};

lmopt_status_t recordStep(lmoptp_stream_t *stream, void *user, lmopt_error_t *error) {
  auto *step = static_cast<Step *>(user);
  const uint32_t grid[3] = {1, 1, 1};
  for (uint32_t what : {1u, 10u}) { // arguments are copied: the same memory serves both
    step->arguments.what = what;
    if (lmopt_status_t status =
            lmoptp_stream_launch(stream, step->add, grid, 0, &step->arguments, sizeof step->arguments, error))
      return status;
  }
  return lmoptp_stream_copy_out(stream, step->into, step->arguments.out, 4 * kThreads, error);
}

TEST_F(DeviceStreamTest, aRecordingIsReplayed) {
  for (const char *seed : {"", "1"}) {
    *seed ? setenv("FAKE_CUDA_STRICT", seed, 1) : unsetenv("FAKE_CUDA_STRICT");
    Device device = open();
    Module module = load(device);
    Stream stream = makeStream(device);
    DeviceBlock data(device, counted(kThreads));
    std::vector<uint32_t> result(kThreads);
    lmoptp_kernel_t add = kernel(module, "add");
    Step step{&add, {data.address, data.address, 0}, result.data()};
    Graph graph;
    EXPECT_OK(record(stream, recordStep, &step, graph));
    EXPECT_EQ(inspect().graphs, 0u); // only what can be launched is kept
    EXPECT_EQ(inspect().executables, 1u);
    EXPECT_EQ(read(stream, data.address, kThreads), counted(kThreads)); // nothing has run
    step.arguments.what = 1000;
    for (uint32_t i = 1; i <= 3; ++i) {
      EXPECT_OK(launchGraph(stream, graph));
      EXPECT_OK(synchronize(stream));
      EXPECT_EQ(result, counted(kThreads, 11 * i));
    }
  }
}

lmopt_status_t recordTooFewArguments(lmoptp_stream_t *stream, void *user, lmopt_error_t *error) {
  const uint32_t grid[3] = {1, 1, 1};
  return lmoptp_stream_launch(stream, static_cast<Step *>(user)->add, grid, 0, nullptr, 0, error);
}

TEST_F(DeviceStreamTest, aRecordingThatFailsIsOver) {
  Device device = open();
  Module module = load(device);
  Stream stream = makeStream(device);
  DeviceBlock data(device, counted(kThreads));
  lmoptp_kernel_t add = kernel(module, "add");
  Step step{&add, {}, nullptr};
  Graph graph;
  Answer answer = record(stream, recordTooFewArguments, &step, graph);
  EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
  EXPECT_HAS(answer, "launching kernel 'add'");
  EXPECT_OK(launch(stream, add, 1, AddArguments{data.address, data.address, 1})); // runs, is not recorded
  EXPECT_EQ(read(stream, data.address, kThreads), counted(kThreads, 1));
}

TEST_F(DeviceStreamTest, eventsMeasure) {
  setenv("FAKE_CUDA_STRICT", "1", 1);
  Device device = open();
  Module module = load(device);
  Stream stream = makeStream(device);
  DeviceBlock data(device, counted(kThreads));
  Event start = makeEvent(device), end = makeEvent(device);
  float milliseconds = -1;
  EXPECT_OK(recordEvent(start, stream));
  EXPECT_OK(launch(stream, kernel(module, "add"), 1, AddArguments{data.address, data.address, 1}));
  EXPECT_OK(recordEvent(end, stream));
  Answer early = elapsed(start, end, milliseconds);
  EXPECT_EQ(early.status, LMOPT_ERROR_INTERNAL);
  EXPECT_HAS(early, "CUDA_ERROR_NOT_READY");
  EXPECT_OK(tell([&](lmopt_error_t *error) { return lmoptp_event_synchronize(end.get(), error); }));
  EXPECT_OK(elapsed(start, end, milliseconds));
  EXPECT_GT(milliseconds, 0);
}

TEST_F(DeviceStreamTest, aStreamWaitsForAnother) {
  setenv("FAKE_CUDA_STRICT", "1", 1);
  Device device = open();
  Module module = load(device);
  Stream first = makeStream(device), second = makeStream(device);
  DeviceBlock data(device, counted(kThreads));
  Event event = makeEvent(device);
  EXPECT_OK(launch(first, kernel(module, "add"), 1, AddArguments{data.address, data.address, 5}));
  EXPECT_OK(recordEvent(event, first));
  EXPECT_EQ(read(second, data.address, kThreads), counted(kThreads)); // the other stream is late
  EXPECT_OK(tell([&](lmopt_error_t *error) { return lmoptp_stream_wait_event(second.get(), event.get(), error); }));
  EXPECT_EQ(read(second, data.address, kThreads), counted(kThreads, 5));
}

// Two teams on one device: what each of them launches stays in order, whatever the other does.
TEST_F(DeviceStreamTest, threadsShareADevice) {
  Device device = open();
  Module module = load(device);
  lmoptp_kernel_t add = kernel(module, "add");
  auto work = [&](uint32_t what) {
    Stream stream = makeStream(device);
    DeviceBlock data(device, counted(kThreads));
    for (int i = 0; i < 50; ++i) {
      EXPECT_OK(launch(stream, add, 1, AddArguments{data.address, data.address, what}));
      DeviceBlock other(device, 64);
    }
    EXPECT_EQ(read(stream, data.address, kThreads), counted(kThreads, 50 * what));
  };
  std::thread first(work, 1), second(work, 7);
  first.join();
  second.join();
}

} // namespace
