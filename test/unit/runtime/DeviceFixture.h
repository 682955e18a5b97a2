// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of GPUs share: the fake driver (test/ptx/fake), whose environment they set and which tells them what
// is alive; handles that give themselves back; and a module of small kernels. After each test nothing may be alive and
// no context current.
#ifndef LMOPT_TEST_UNIT_RUNTIME_DEVICEFIXTURE_H
#define LMOPT_TEST_UNIT_RUNTIME_DEVICEFIXTURE_H

#include "Fixture.h"
#include "runtime/src/device/device.h"
#include "test/ptx/fake/Inspect.h"

#include <cstdlib>
#include <dlfcn.h>

namespace lmopt::test {

using Device = std::unique_ptr<lmoptp_device_t, Destroyer<lmoptp_device_release>>;
using Pages = std::unique_ptr<lmoptp_pages_t, Destroyer<lmoptp_pages_destroy>>;
using Module = std::unique_ptr<lmoptp_module_t, Destroyer<lmoptp_module_unload>>;
using Stream = std::unique_ptr<lmoptp_stream_t, Destroyer<lmoptp_stream_destroy>>;
using Graph = std::unique_ptr<lmoptp_graph_t, Destroyer<lmoptp_graph_destroy>>;
using Event = std::unique_ptr<lmoptp_event_t, Destroyer<lmoptp_event_destroy>>;

inline const std::string fakeDriverPath = LMOPT_BINARY_DIR "/lib/fake/libcuda.so.1";
inline const std::string plainDriverPath = LMOPT_BINARY_DIR "/lib/fake/libcuda-plain.so";

/// Threads of a block of the kernels below.
constexpr uint32_t kThreads = 32;

// add: out[i] = in[i] + what, by block and thread. exchange: the sum of all blocks' in[block], read behind a grid
// barrier on a counter. shared: out[thread] = the number of another thread, through dynamic shared memory. fault: a
// store where there never is memory. hang: waits for a flag that nobody sets. timeout: a barrier that has given up.
inline const std::string kernelsText = R"(.version 7.0
.target sm_80
.address_size 64
.extern .shared .align 16 .b8 room[];
.visible .entry add(.param .u64 in, .param .u64 out, .param .u32 what) {
  .reg .b32 %r<8>; .reg .b64 %rd<8>;
  ld.param.u64 %rd1, [in]; ld.param.u64 %rd2, [out]; ld.param.u32 %r1, [what];
  mov.u32 %r2, %tid.x; mov.u32 %r3, %ctaid.x; mov.u32 %r5, %ntid.x; mad.lo.u32 %r2, %r3, %r5, %r2;
  mul.wide.u32 %rd3, %r2, 4;
  add.u64 %rd1, %rd1, %rd3; add.u64 %rd2, %rd2, %rd3;
  ld.global.u32 %r4, [%rd1]; add.u32 %r4, %r4, %r1; st.global.u32 [%rd2], %r4; ret;
}
.visible .entry exchange(.param .u64 in, .param .u64 counter, .param .u64 middle, .param .u64 out) {
  .reg .pred %p<2>; .reg .b32 %r<10>; .reg .b64 %rd<12>;
  ld.param.u64 %rd1, [in]; ld.param.u64 %rd2, [counter]; ld.param.u64 %rd3, [middle]; ld.param.u64 %rd4, [out];
  mov.u32 %r1, %ctaid.x; mov.u32 %r2, %nctaid.x; mul.wide.u32 %rd5, %r1, 4;
  add.u64 %rd6, %rd1, %rd5; ld.global.u32 %r3, [%rd6]; add.u64 %rd7, %rd3, %rd5; st.global.u32 [%rd7], %r3;
  red.release.gpu.global.add.u32 [%rd2], 1;
WAIT:
  ld.acquire.gpu.global.u32 %r4, [%rd2]; setp.lt.u32 %p1, %r4, %r2; @%p1 bra WAIT;
  mov.u32 %r5, 0; mov.u32 %r6, 0; mov.u64 %rd8, %rd3;
SUM:
  ld.global.u32 %r7, [%rd8]; add.u32 %r5, %r5, %r7; add.u64 %rd8, %rd8, 4; add.u32 %r6, %r6, 1;
  setp.lt.u32 %p1, %r6, %r2; @%p1 bra SUM;
  add.u64 %rd9, %rd4, %rd5; st.global.u32 [%rd9], %r5; ret;
}
.visible .entry shared(.param .u64 out, .param .u32 last) {
  .reg .b32 %r<10>; .reg .b64 %rd<6>;
  ld.param.u64 %rd1, [out]; ld.param.u32 %r1, [last];
  mov.u32 %r2, %tid.x; mov.u32 %r3, room; shl.b32 %r4, %r2, 2; add.u32 %r5, %r1, %r3; sub.u32 %r5, %r5, %r4;
  st.shared.u32 [%r5], %r2; bar.sync 0;
  sub.u32 %r6, %r1, 124; add.u32 %r6, %r6, %r3; add.u32 %r6, %r6, %r4; ld.shared.u32 %r7, [%r6];
  cvt.u64.u32 %rd2, %r4; add.u64 %rd1, %rd1, %rd2; st.global.u32 [%rd1], %r7; ret;
}
.visible .entry fault(.param .u64 out) {
  .reg .b32 %r<2>; .reg .b64 %rd<2>;
  mov.u64 %rd1, 16; mov.u32 %r1, 1; st.global.u32 [%rd1], %r1; ret;
}
.visible .entry hang(.param .u64 flag) {
  .reg .pred %p<2>; .reg .b32 %r<2>; .reg .b64 %rd<2>;
  ld.param.u64 %rd1, [flag];
WAIT:
  ld.acquire.gpu.global.u32 %r1, [%rd1]; setp.eq.u32 %p1, %r1, 0; @%p1 bra WAIT; ret;
}
.visible .entry timeout() { trap; ret; }
)";

struct Answer {
  lmopt_status_t status = LMOPT_OK;
  std::string message;
  bool has(const std::string &text) const { return message.find(text) != std::string::npos; }
};

/// `tell([&](lmopt_error_t *error) { return lmoptp_...(..., error); })`
template <class Call>
Answer tell(Call call) {
  lmopt_error_t error{};
  lmopt_status_t status = call(&error);
  if (status != LMOPT_OK)
    EXPECT_EQ(error.status, status);
  return {status, error.message};
}

#define EXPECT_OK(answer)                                                                                              \
  do {                                                                                                                 \
    Answer theAnswer = (answer);                                                                                       \
    EXPECT_EQ(theAnswer.status, LMOPT_OK) << theAnswer.message;                                                        \
  } while (0)
#define EXPECT_HAS(answer, text) EXPECT_TRUE((answer).has(text)) << (answer).message

class DeviceTest : public testing::Test {
protected:
  void SetUp() override {
    setenv("LMOPT_LIBCUDA", fakeDriverPath.c_str(), 1);
    clearEnvironment();
    library = dlopen(fakeDriverPath.c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_TRUE(library) << dlerror();
    forget();
  }
  void TearDown() override {
    clearEnvironment();
    EXPECT_EQ(describe(inspect()), describe({})); // nothing is alive
    dlclose(library);
  }

  static void clearEnvironment() {
    for (const char *name : {"FAKE_CUDA_NO_DEVICE", "FAKE_CUDA_VERSION", "FAKE_CUDA_MEMORY", "FAKE_CUDA_SM",
                             "FAKE_CUDA_FAIL", "FAKE_CUDA_MISSING", "FAKE_CUDA_WITHOUT", "FAKE_CUDA_STRICT"})
      unsetenv(name);
  }
  FakeCudaLive inspect() const {
    FakeCudaLive live{};
    reinterpret_cast<void (*)(FakeCudaLive *)>(dlsym(library, "fakeCudaInspect"))(&live);
    return live;
  }
  void forget() const { reinterpret_cast<void (*)()>(dlsym(library, "fakeCudaForget"))(); }
  static std::string describe(const FakeCudaLive &live) {
    return std::to_string(live.deviceBytes) + " bytes, contexts " + std::to_string(live.contextUses) + " held and " +
           std::to_string(live.contextDepth) + " current, allocations " + std::to_string(live.allocations) + ", host " +
           std::to_string(live.hostAllocations) + ", reservations " + std::to_string(live.reservations) +
           ", mappings " + std::to_string(live.mappings) + ", pages " + std::to_string(live.physicalPages) +
           ", modules " + std::to_string(live.modules) + ", streams " + std::to_string(live.streams) + ", events " +
           std::to_string(live.events) + ", graphs " + std::to_string(live.graphs) + ", executables " +
           std::to_string(live.executables) + ", late uploads of graphs " + std::to_string(live.lateUploads);
  }

  static Answer tryOpen(const char *name, Device &device) {
    lmoptp_device_t *opened = nullptr;
    Answer answer = tell([&](lmopt_error_t *error) { return lmoptp_device_open(name, &opened, error); });
    EXPECT_EQ(opened == nullptr, answer.status != LMOPT_OK);
    device.reset(opened);
    return answer;
  }
  static Device open() {
    Device device;
    EXPECT_OK(tryOpen("cuda", device));
    return device;
  }

  static lmoptp_image_t imageOf(const std::string &text, int32_t capability = 80, bool isExact = false) {
    return {capability, isExact, text.data(), text.size(), nullptr, 0};
  }
  static Answer tryLoad(const Device &device, const std::vector<lmoptp_image_t> &images, Module &module) {
    lmoptp_module_t *loaded = nullptr;
    Answer answer = tell([&](lmopt_error_t *error) {
      return lmoptp_module_load(device.get(), images.data(), images.size(), &loaded, error);
    });
    EXPECT_EQ(loaded == nullptr, answer.status != LMOPT_OK);
    module.reset(loaded);
    return answer;
  }
  static Module load(const Device &device, const std::string &text = kernelsText) {
    Module module;
    EXPECT_OK(tryLoad(device, {imageOf(text)}, module));
    return module;
  }
  static lmoptp_kernel_t kernel(const Module &module, const char *name, uint32_t threads = kThreads,
                                uint32_t shared = 0) {
    lmoptp_kernel_t found{};
    EXPECT_OK(tell(
        [&](lmopt_error_t *error) { return lmoptp_kernel_find(module.get(), name, threads, shared, &found, error); }));
    return found;
  }

  static Stream makeStream(const Device &device) {
    lmoptp_stream_t *stream = nullptr;
    EXPECT_OK(tell([&](lmopt_error_t *error) { return lmoptp_stream_create(device.get(), &stream, error); }));
    return Stream(stream);
  }
  static Event makeEvent(const Device &device) {
    lmoptp_event_t *event = nullptr;
    EXPECT_OK(tell([&](lmopt_error_t *error) { return lmoptp_event_create(device.get(), &event, error); }));
    return Event(event);
  }
  static Answer synchronize(const Stream &stream) {
    return tell([&](lmopt_error_t *error) { return lmoptp_stream_synchronize(stream.get(), error); });
  }
  template <class Arguments>
  static Answer launch(const Stream &stream, const lmoptp_kernel_t &kernel, uint32_t blocks, const Arguments &arguments,
                       uint32_t flags = 0) {
    const uint32_t grid[3] = {blocks, 1, 1};
    return tell([&](lmopt_error_t *error) {
      return lmoptp_stream_launch(stream.get(), &kernel, grid, flags, &arguments, sizeof arguments, error);
    });
  }

  /// What is on the device, when all that is on the stream has run.
  static std::vector<uint32_t> read(const Stream &stream, lmoptp_address_t from, size_t count) {
    std::vector<uint32_t> values(count);
    EXPECT_OK(tell([&](lmopt_error_t *error) {
      return lmoptp_stream_copy_out(stream.get(), values.data(), from, 4 * count, error);
    }));
    EXPECT_OK(synchronize(stream));
    return values;
  }
  static std::vector<uint32_t> counted(size_t count, uint32_t first = 0) {
    std::vector<uint32_t> values(count);
    for (uint32_t &value : values)
      value = first++;
    return values;
  }

  void *library = nullptr;
};

/// Memory of the device that gives itself back.
struct DeviceBlock {
  DeviceBlock(const Device &device, uint64_t bytes) : device(device.get()) {
    EXPECT_OK(tell(
        [&](lmopt_error_t *error) { return lmoptp_device_allocate(this->device, bytes, "a block", &address, error); }));
  }
  DeviceBlock(const Device &device, const std::vector<uint32_t> &values) : DeviceBlock(device, 4 * values.size()) {
    EXPECT_OK(tell([&](lmopt_error_t *error) {
      return lmoptp_device_upload(this->device, address, values.data(), 4 * values.size(), LMOPTP_UPLOAD_PIECE, error);
    }));
  }
  DeviceBlock(const DeviceBlock &) = delete;
  ~DeviceBlock() { lmoptp_device_free(device, address); }
  lmoptp_device_t *device;
  lmoptp_address_t address = 0;
};

/// Arguments of "add" as they lie in parameter space.
struct AddArguments {
  uint64_t in, out;
  uint32_t what;
};

} // namespace lmopt::test

#endif // LMOPT_TEST_UNIT_RUNTIME_DEVICEFIXTURE_H
