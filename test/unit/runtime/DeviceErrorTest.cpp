// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The end of a device: a kernel that fails or waits too long, what every later call says, and that everything can still
// be given back. And every single call of the driver, and every allocation of the host, refused in turn.
#include "DeviceFixture.h"

using namespace lmopt::test;

namespace {
long countdown = -1; // allocations of the host until the one that fails; negative: none does
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

/// What lives when a kernel fails.
struct Everything {
  Device device;
  Module module;
  Stream stream;
  Graph graph;
  Event event;
  Pages pages;
  lmoptp_address_t block = 0;
  void *pinned = nullptr;
  ~Everything() {
    if (!device)
      return;
    lmoptp_device_free(device.get(), block);
    lmoptp_device_free_host(device.get(), pinned);
  }
};

template <class Handle, class Make>
lmopt_status_t fill(Handle &handle, Make call) {
  typename Handle::pointer made = nullptr;
  lmopt_status_t status = call(&made);
  handle.reset(made);
  return status;
}

lmopt_status_t recordAdd(lmoptp_stream_t *stream, void *user, lmopt_error_t *error) {
  auto *everything = static_cast<Everything *>(user);
  lmoptp_kernel_t add;
  const uint32_t grid[3] = {1, 1, 1};
  AddArguments arguments{everything->block, everything->block, 1};
  if (lmopt_status_t status = lmoptp_kernel_find(everything->module.get(), "add", kThreads, 60000, &add, error))
    return status;
  return lmoptp_stream_launch(stream, &add, grid, 0, &arguments, sizeof arguments, error);
}

/// Everything a session would do, up to the first failure.
lmopt_status_t build(Everything &all, lmopt_error_t *error) {
  lmoptp_image_t image{80, false, kernelsText.data(), kernelsText.size(), "\177ELF\2\1\1", 7};
  std::vector<uint32_t> numbers(1000, 3);
  uint64_t bytes = 4 * numbers.size();
  lmoptp_memory_need_t need{bytes, 0, 0};
  lmopt_status_t status = fill(all.device, [&](auto **out) { return lmoptp_device_open("cuda", out, error); });
  auto then = [&](auto call) { status = status ? status : call(); };
  then([&] { return lmoptp_device_check_memory(all.device.get(), &need, error); });
  then([&] { return lmoptp_device_allocate(all.device.get(), bytes, "a block", &all.block, error); });
  then([&] { return lmoptp_device_allocate_host(all.device.get(), 64, "logits", &all.pinned, error); });
  then([&] { return lmoptp_device_upload(all.device.get(), all.block, numbers.data(), bytes, 1024, error); });
  then([&] {
    return fill(all.module, [&](auto **out) { return lmoptp_module_load(all.device.get(), &image, 1, out, error); });
  });
  then(
      [&] { return fill(all.stream, [&](auto **out) { return lmoptp_stream_create(all.device.get(), out, error); }); });
  then([&] { return fill(all.event, [&](auto **out) { return lmoptp_event_create(all.device.get(), out, error); }); });
  then([&] {
    return fill(all.pages,
                [&](auto **out) { return lmoptp_pages_create(all.device.get(), 4 << 20, "the cache", out, error); });
  });
  then([&] { return lmoptp_pages_map(all.pages.get(), 0, 3 << 20, error); });
  then([&] {
    return fill(all.graph,
                [&](auto **out) { return lmoptp_stream_record(all.stream.get(), "g", recordAdd, &all, out, error); });
  });
  then([&] { return lmoptp_stream_launch_graph(all.stream.get(), all.graph.get(), error); });
  then([&] { return lmoptp_event_record(all.event.get(), all.stream.get(), error); });
  then([&] { return lmoptp_stream_wait_event(all.stream.get(), all.event.get(), error); });
  then([&] { return lmoptp_stream_copy_out(all.stream.get(), all.pinned, all.block, 64, error); });
  then([&] { return lmoptp_stream_synchronize(all.stream.get(), error); });
  return status;
}

class DeviceErrorTest : public DeviceTest {
protected:
  void make() {
    EXPECT_OK(tell([&](lmopt_error_t *error) { return build(all, error); }));
  }
  void TearDown() override {
    releaseAll();
    DeviceTest::TearDown();
  }
  void releaseAll() {
    all.~Everything();
    new (&all) Everything();
  }

  /// Every call that asks for something says how the device ended.
  void expectDead(const Answer &first) {
    auto dead = [&](const char *what, auto call) {
      Answer answer = tell(call);
      EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL) << what;
      EXPECT_EQ(answer.message, first.message) << what;
    };
    using Error = lmopt_error_t *;
    uint64_t bytes = 0;
    uint32_t number = 0;
    float milliseconds = 0;
    lmoptp_memory_need_t need{};
    lmoptp_address_t address = 0;
    lmoptp_image_t image = imageOf(kernelsText);
    void *pinned = nullptr;
    lmoptp_kernel_t add{};
    lmoptp_pages_t *pages = nullptr;
    lmoptp_module_t *module = nullptr;
    lmoptp_stream_t *stream = nullptr;
    lmoptp_graph_t *graph = nullptr;
    lmoptp_event_t *event = nullptr;
    lmoptp_device_t *d = all.device.get();
    lmoptp_stream_t *s = all.stream.get();
    const uint32_t grid[3] = {1, 1, 1};
    dead("check", [&](Error e) { return lmoptp_device_check(d, e); });
    dead("free bytes", [&](Error e) { return lmoptp_device_free_bytes(d, &bytes, e); });
    dead("check memory", [&](Error e) { return lmoptp_device_check_memory(d, &need, e); });
    dead("allocate", [&](Error e) { return lmoptp_device_allocate(d, 4, "x", &address, e); });
    dead("allocate host", [&](Error e) { return lmoptp_device_allocate_host(d, 4, "x", &pinned, e); });
    dead("upload", [&](Error e) { return lmoptp_device_upload(d, all.block, &number, 4, 4, e); });
    dead("pages", [&](Error e) { return lmoptp_pages_create(d, 4, "x", &pages, e); });
    dead("map", [&](Error e) { return lmoptp_pages_map(all.pages.get(), 0, 4, e); });
    dead("unmap", [&](Error e) { return lmoptp_pages_unmap(all.pages.get(), 0, 4, e); });
    dead("load", [&](Error e) { return lmoptp_module_load(d, &image, 1, &module, e); });
    dead("kernel", [&](Error e) { return lmoptp_kernel_find(all.module.get(), "add", 32, 0, &add, e); });
    dead("stream", [&](Error e) { return lmoptp_stream_create(d, &stream, e); });
    dead("synchronize", [&](Error e) { return lmoptp_stream_synchronize(s, e); });
    dead("copy in", [&](Error e) { return lmoptp_stream_copy_in(s, all.block, &number, 4, e); });
    dead("copy out", [&](Error e) { return lmoptp_stream_copy_out(s, &number, all.block, 4, e); });
    dead("copy", [&](Error e) { return lmoptp_stream_copy(s, all.block, all.block, 4, e); });
    dead("fill", [&](Error e) { return lmoptp_stream_fill(s, all.block, 0, 4, e); });
    dead("launch", [&](Error e) { return lmoptp_stream_launch(s, &add, grid, 0, nullptr, 0, e); });
    dead("record", [&](Error e) { return lmoptp_stream_record(s, "g", recordAdd, &all, &graph, e); });
    dead("launch graph", [&](Error e) { return lmoptp_stream_launch_graph(s, all.graph.get(), e); });
    dead("event", [&](Error e) { return lmoptp_event_create(d, &event, e); });
    dead("record event", [&](Error e) { return lmoptp_event_record(all.event.get(), s, e); });
    dead("wait for event", [&](Error e) { return lmoptp_event_synchronize(all.event.get(), e); });
    dead("stream waits", [&](Error e) { return lmoptp_stream_wait_event(s, all.event.get(), e); });
    dead("elapsed", [&](Error e) { return lmoptp_event_elapsed(all.event.get(), all.event.get(), &milliseconds, e); });
    EXPECT_FALSE(address || pinned || pages || module || stream || graph || event);
  }

  /// Launches the kernel as a step and waits.
  Answer fail(const char *name, const char *step, uint64_t argument) {
    lmoptp_stream_name_step(all.stream.get(), step);
    EXPECT_OK(launch(all.stream, kernel(all.module, name, 1), 1, argument));
    Answer answer = synchronize(all.stream);
    EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
    EXPECT_HAS(answer, "cuda:0 (PTX interpreter, CUDA 13.0): the device is dead");
    EXPECT_HAS(answer, std::string("launched last: step '") + step + "', kernel '" + name + "'");
    return answer;
  }

  Everything all;
};

TEST_F(DeviceErrorTest, aKernelThatFails) {
  for (const char *seed : {"", "1"}) { // at once, and as late as it may be
    *seed ? setenv("FAKE_CUDA_STRICT", seed, 1) : unsetenv("FAKE_CUDA_STRICT");
    make();
    Answer answer = fail("fault", "layers.3.attn.q", all.block);
    EXPECT_HAS(answer, "CUDA_ERROR_ILLEGAL_ADDRESS");
    expectDead(answer);
    releaseAll();
    forget();
  }
}

TEST_F(DeviceErrorTest, aBarrierThatGivesUp) {
  make();
  Answer answer = fail("timeout", "decode", 0);
  EXPECT_HAS(answer, "CUDA_ERROR_LAUNCH_FAILED");
  EXPECT_HAS(answer, "a barrier was waited for too long");
  expectDead(answer);
}

TEST_F(DeviceErrorTest, aKernelThatHangs) {
  make();
  EXPECT_OK(tell([&](lmopt_error_t *error) { return lmoptp_stream_fill(all.stream.get(), all.block, 0, 4, error); }));
  Answer answer = fail("hang", "decode", all.block);
  EXPECT_HAS(answer, "CUDA_ERROR_LAUNCH_TIMEOUT");
  expectDead(answer);
}

// Who finds the fault may be anybody; the message tells of the launch all the same.
TEST_F(DeviceErrorTest, theFaultIsFoundElsewhere) {
  make();
  lmoptp_stream_name_step(all.stream.get(), "prefill");
  EXPECT_OK(launch(all.stream, kernel(all.module, "fault", 1), 1, all.block));
  lmoptp_address_t address = 0;
  Answer answer = tell(
      [&](lmopt_error_t *error) { return lmoptp_device_allocate(all.device.get(), 64, "the arena", &address, error); });
  EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
  EXPECT_HAS(answer, "launched last: step 'prefill', kernel 'fault'");
  expectDead(answer);
}

lmopt_status_t recordFault(lmoptp_stream_t *stream, void *user, lmopt_error_t *error) {
  auto *everything = static_cast<Everything *>(user);
  lmoptp_kernel_t fault;
  const uint32_t grid[3] = {1, 1, 1};
  if (lmopt_status_t status = lmoptp_kernel_find(everything->module.get(), "fault", 1, 0, &fault, error))
    return status;
  return lmoptp_stream_launch(stream, &fault, grid, 0, &everything->block, sizeof everything->block, error);
}

TEST_F(DeviceErrorTest, aRecordingThatFails) {
  make();
  lmoptp_graph_t *recorded = nullptr;
  EXPECT_OK(tell([&](lmopt_error_t *error) {
    return lmoptp_stream_record(all.stream.get(), "decode of 4 rows", recordFault, &all, &recorded, error);
  }));
  Graph graph(recorded);
  lmoptp_stream_name_step(all.stream.get(), "decode");
  EXPECT_OK(
      tell([&](lmopt_error_t *error) { return lmoptp_stream_launch_graph(all.stream.get(), graph.get(), error); }));
  Answer answer = synchronize(all.stream);
  EXPECT_HAS(answer, "launched last: step 'decode', kernel 'decode of 4 rows'");
  expectDead(answer);
}

// What is recorded has not been launched.
TEST_F(DeviceErrorTest, aRecordingIsNoLaunch) {
  setenv("FAKE_CUDA_STRICT", "1", 1);
  make();
  EXPECT_OK(launch(all.stream, kernel(all.module, "fault", 1), 1, all.block));
  lmoptp_graph_t *recorded = nullptr;
  EXPECT_OK(tell([&](lmopt_error_t *error) {
    return lmoptp_stream_record(all.stream.get(), "later", recordAdd, &all, &recorded, error);
  }));
  Graph graph(recorded);
  EXPECT_HAS(synchronize(all.stream), "kernel 'fault'");
}

TEST_F(DeviceErrorTest, aFaultBeforeAnyLaunch) {
  Device device = open();
  setenv("FAKE_CUDA_FAIL", "cuMemGetInfo:1:214", 1); // memory that cannot be corrected
  uint64_t bytes = 0;
  Answer answer = tell([&](lmopt_error_t *error) { return lmoptp_device_free_bytes(device.get(), &bytes, error); });
  EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
  EXPECT_HAS(answer, "its memory is damaged (error 214: ); nothing was launched before");
  // The device is dead although this driver would go on.
  EXPECT_EQ(tell([&](lmopt_error_t *error) { return lmoptp_device_free_bytes(device.get(), &bytes, error); }).message,
            answer.message);
}

// Another failure leaves the device alive.
TEST_F(DeviceErrorTest, aFailureThatPasses) {
  make();
  setenv("FAKE_CUDA_FAIL", "cuStreamSynchronize:1:999", 1);
  Answer answer = synchronize(all.stream);
  EXPECT_EQ(answer.status, LMOPT_ERROR_INTERNAL);
  EXPECT_HAS(answer, "waiting for a stream failed: CUDA_ERROR_UNKNOWN");
  EXPECT_OK(synchronize(all.stream));
}

// Each call of the driver that asks for something fails once, in turn, for want of memory: the message says so, and
// nothing is left behind.
TEST_F(DeviceErrorTest, everyCallMayFail) {
  int failures = 0, call = 1;
  for (; call < 150; ++call) {
    forget();
    setenv("FAKE_CUDA_FAIL", ("*:" + std::to_string(call) + ":2").c_str(), 1);
    Answer answer = tell([&](lmopt_error_t *error) { return build(all, error); });
    unsetenv("FAKE_CUDA_FAIL");
    if (all.device && answer.status != LMOPT_OK)
      EXPECT_EQ(answer.status, LMOPT_ERROR_RESOURCE) << answer.message;
    releaseAll();
    ASSERT_EQ(describe(inspect()), describe({})) << "call " << call;
    failures += answer.status != LMOPT_OK; // it is none where the driver only tells less of the card
    EXPECT_EQ(answer.message.empty(), answer.status == LMOPT_OK);
  }
  EXPECT_GT(failures, 100);
  EXPECT_LT(failures, 140) << "not all calls were reached";
}

TEST_F(DeviceErrorTest, everyAllocationMayFail) {
  int failures = 0;
  for (;; ++failures) {
    countdown = failures;
    Answer answer = tell([&](lmopt_error_t *error) { return build(all, error); });
    countdown = -1;
    releaseAll();
    ASSERT_EQ(describe(inspect()), describe({})) << "after " << failures;
    if (answer.status == LMOPT_OK)
      break;
    ASSERT_EQ(answer.status, LMOPT_ERROR_RESOURCE);
    EXPECT_HAS(answer, "out of memory: ");
  }
  EXPECT_EQ(failures, 12)
      << "a device; an upload's stream and events; a module and its text; a stream, an event; pages "
         "and two books; a recording";
}

} // namespace
