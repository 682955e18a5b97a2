// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A client of the driver as the runtime is one: no CUDA headers, dlopen of what LMOPT_LIBCUDA names, functions found by
// cuGetProcAddress. It is the test of the fake driver: each scenario is a process of its own, because a fault stays.
//
// In: LMOPT_LIBCUDA. Out: a line for each scenario that fails and exit code 1.
#include "test/ptx/fake/Cuda.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;
#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      printf("client.c:%d: %s\n", __LINE__, #condition);                                                               \
      ++failures;                                                                                                      \
    }                                                                                                                  \
  } while (0)

static CUresult (*getProcAddress)(const char *, void **, int, uint64_t, int *);

/// The function of this name; ends the process if there is none.
static void *function(const char *name) {
  void *found = NULL;
  if (getProcAddress(name, &found, 13000, 0, NULL) != CUDA_SUCCESS || !found) {
    printf("client.c: no function %s\n", name);
    exit(1);
  }
  return found;
}

/// `CALL(cuInit, (unsigned), (0))` calls it through its address.
// NOLINTNEXTLINE(bugprone-macro-parentheses): the arguments bring their own
#define CALL(name, types, arguments) (((CUresult(*) types)function(#name))arguments)

static CUdevice device;
static CUcontext context;
static CUmodule module;

// out[i] = in[i] + add; blocks of 32 threads. "fault" writes behind its memory, "hang" waits for nobody.
static const char kText[] =
    ".version 7.0\n.target sm_80\n.address_size 64\n"
    ".visible .entry add(.param .u64 in, .param .u64 out, .param .u32 what) {\n"
    ".reg .b32 %r<8>; .reg .b64 %rd<8>;\n"
    "ld.param.u64 %rd1, [in]; ld.param.u64 %rd2, [out]; ld.param.u32 %r1, [what];\n"
    "mov.u32 %r2, %tid.x; mov.u32 %r3, %ctaid.x; mad.lo.u32 %r2, %r3, 32, %r2; mul.wide.u32 %rd3, %r2, 4;\n"
    "add.u64 %rd1, %rd1, %rd3; add.u64 %rd2, %rd2, %rd3; ld.global.u32 %r4, [%rd1]; add.u32 %r4, %r4, %r1;\n"
    "st.global.u32 [%rd2], %r4; ret; }\n"
    ".visible .entry fault(.param .u64 out) { .reg .b32 %r<2>; .reg .b64 %rd<2>;\n"
    "ld.param.u64 %rd1, [out]; mov.u32 %r1, 1; st.global.u32 [%rd1+4096], %r1; ret; }\n"
    ".visible .entry hang(.param .u64 flag) { .reg .pred %p<2>; .reg .b32 %r<2>; .reg .b64 %rd<2>;\n"
    "ld.param.u64 %rd1, [flag]; L: ld.acquire.gpu.global.u32 %r1, [%rd1]; setp.eq.u32 %p1, %r1, 0; @%p1 bra L; ret; }\n"
    ".visible .entry arrive(.param .u64 counter, .param .u64 out) { .reg .pred %p<2>; .reg .b32 %r<8>; .reg .b64 "
    "%rd<4>;\n"
    "ld.param.u64 %rd1, [counter]; ld.param.u64 %rd2, [out]; mov.u32 %r1, %nctaid.x; mov.u32 %r2, %ctaid.x;\n"
    "red.release.gpu.global.add.u32 [%rd1], 1;\n"
    "L: ld.acquire.gpu.global.u32 %r3, [%rd1]; setp.lt.u32 %p1, %r3, %r1; @%p1 bra L;\n"
    "mul.wide.u32 %rd3, %r2, 4; add.u64 %rd2, %rd2, %rd3; st.global.u32 [%rd2], %r3; ret; }\n";

static void open(void) {
  CHECK(CALL(cuInit, (unsigned), (0)) == CUDA_SUCCESS);
  CHECK(CALL(cuDeviceGet, (CUdevice *, int), (&device, 0)) == CUDA_SUCCESS);
  CHECK(CALL(cuDevicePrimaryCtxRetain, (CUcontext *, CUdevice), (&context, device)) == CUDA_SUCCESS);
  CHECK(CALL(cuCtxSetCurrent, (CUcontext), (context)) == CUDA_SUCCESS);
}

static CUresult load(const void *image) {
  return CALL(cuModuleLoadDataEx, (CUmodule *, const void *, unsigned, int *, void **),
              (&module, image, 0, NULL, NULL));
}

static CUfunction kernel(const char *name) {
  CUfunction found = NULL;
  CHECK(CALL(cuModuleGetFunction, (CUfunction *, CUmodule, const char *), (&found, module, name)) == CUDA_SUCCESS);
  return found;
}

static CUdeviceptr allocate(size_t size) {
  CUdeviceptr address = 0;
  CHECK(CALL(cuMemAlloc, (CUdeviceptr *, size_t), (&address, size)) == CUDA_SUCCESS);
  return address;
}

static CUresult launchOn(CUstream stream, CUfunction f, unsigned blocks, unsigned threads, void **parameters) {
  return CALL(
      cuLaunchKernel,
      (CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, CUstream, void **, void **),
      (f, blocks, 1, 1, threads, 1, 1, 0, stream, parameters, NULL));
}

static CUresult synchronize(CUstream stream) { return CALL(cuStreamSynchronize, (CUstream), (stream)); }
static CUresult copyIn(CUdeviceptr into, const void *from, size_t size) {
  return CALL(cuMemcpyHtoD, (CUdeviceptr, const void *, size_t), (into, from, size));
}
static CUresult copyOut(void *into, CUdeviceptr from, size_t size) {
  return CALL(cuMemcpyDtoH, (void *, CUdeviceptr, size_t), (into, from, size));
}

static uint32_t host[64];

static void scenarioDevice(void) {
  int count = 0, version = 0, value = 0;
  char name[8];
  const char *text = NULL;
  CHECK(CALL(cuDeviceGetCount, (int *), (&count)) == CUDA_ERROR_NOT_INITIALIZED);
  open();
  CHECK(CALL(cuDeviceGetCount, (int *), (&count)) == CUDA_SUCCESS && count == 1);
  CHECK(CALL(cuDriverGetVersion, (int *), (&version)) == CUDA_SUCCESS && version == 13000);
  CHECK(CALL(cuDeviceGetName, (char *, int, CUdevice), (name, sizeof name, device)) == CUDA_SUCCESS);
  CHECK(strcmp(name, "PTX int") == 0);
  int (*attribute)(int *, int, CUdevice) = function("cuDeviceGetAttribute");
  CHECK(attribute(&value, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device) == CUDA_SUCCESS && value == 9);
  CHECK(attribute(&value, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, device) == CUDA_SUCCESS && value == 4);
  CHECK(attribute(&value, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, device) == CUDA_SUCCESS &&
        value == 232448);
  CHECK(attribute(&value, 12345, device) == CUDA_ERROR_INVALID_VALUE);
  CHECK(CALL(cuDeviceGet, (CUdevice *, int), (&device, 1)) == CUDA_ERROR_INVALID_DEVICE);
  CHECK(CALL(cuGetErrorName, (CUresult, const char **), (209, &text)) == CUDA_SUCCESS);
  CHECK(text && strcmp(text, "CUDA_ERROR_NO_BINARY_FOR_GPU") == 0);
  CHECK(CALL(cuGetErrorName, (CUresult, const char **), (4711, &text)) == CUDA_ERROR_INVALID_VALUE);
  CHECK(CALL(cuDevicePrimaryCtxRelease, (CUdevice), (0)) == CUDA_SUCCESS);
  CHECK(CALL(cuDevicePrimaryCtxRelease, (CUdevice), (0)) == CUDA_ERROR_INVALID_CONTEXT);
  void *none = NULL;
  CHECK(getProcAddress("cuFrobnicate", &none, 13000, 0, NULL) == CUDA_ERROR_NOT_FOUND);
}

static void scenarioNoDevice(void) {
  setenv("FAKE_CUDA_NO_DEVICE", "1", 1);
  CHECK(CALL(cuInit, (unsigned), (0)) == CUDA_ERROR_NO_DEVICE);
}

static void scenarioOldDriver(void) {
  int version = 0;
  setenv("FAKE_CUDA_VERSION", "11040", 1);
  open();
  CHECK(CALL(cuDriverGetVersion, (int *), (&version)) == CUDA_SUCCESS && version == 11040);
  CHECK(load(kText) == CUDA_SUCCESS);
  CHECK(load(".version 8.0\n.target sm_80\n.address_size 64\n") == CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
}

static void scenarioOldCard(void) {
  int value = 0;
  setenv("FAKE_CUDA_SM", "80", 1);
  open();
  CHECK(CALL(cuDeviceGetAttribute, (int *, int, CUdevice), (&value, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 0)) ==
        0);
  CHECK(value == 8);
  CHECK(load(".version 8.0\n.target sm_90a\n.address_size 64\n") == CUDA_ERROR_NO_BINARY_FOR_GPU);
  CHECK(load(".version 8.0\n.target sm_80\n.address_size 64\n") == CUDA_SUCCESS);
}

static void scenarioModules(void) {
  char log[256] = "";
  int options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {log, (void *)sizeof log};
  CUfunction none;
  CUdeviceptr address = 0;
  size_t size = 0;
  open();
  CHECK(load("\177ELF\2\1\1") == CUDA_ERROR_NO_BINARY_FOR_GPU);
  CUresult (*loadEx)(CUmodule *, const void *, unsigned, int *, void **) = function("cuModuleLoadDataEx");
  CHECK(loadEx(&module, ".version 7.0\n.target sm_80\n.entry k() { frob; }", 2, options, values) ==
        CUDA_ERROR_INVALID_PTX);
  CHECK(strstr(log, "line 3: frob: unknown instruction"));
  CHECK(load(".version 7.0\n.target sm_80\n.visible .global .u32 x[3] = {7, 8, 9};\n.entry k() { ret; }") ==
        CUDA_SUCCESS);
  CHECK(CALL(cuModuleGetFunction, (CUfunction *, CUmodule, const char *), (&none, module, "other")) ==
        CUDA_ERROR_NOT_FOUND);
  CHECK(CALL(cuModuleGetGlobal, (CUdeviceptr *, size_t *, CUmodule, const char *), (&address, &size, module, "x")) ==
        0);
  CHECK(size == 12 && copyOut(host, address, 12) == CUDA_SUCCESS && host[2] == 9);
  CHECK(CALL(cuModuleUnload, (CUmodule), (module)) == CUDA_SUCCESS);
  CHECK(CALL(cuModuleUnload, (CUmodule), (module)) == CUDA_ERROR_INVALID_HANDLE);
  CHECK(copyOut(host, address, 12) == CUDA_ERROR_INVALID_VALUE);
}

static void scenarioLaunch(void) {
  open();
  CHECK(load(kText) == CUDA_SUCCESS);
  CUfunction add = kernel("add");
  CUdeviceptr in = allocate(256), out = allocate(256);
  uint32_t what = 100;
  for (uint32_t i = 0; i < 64; ++i)
    host[i] = i;
  CHECK(copyIn(in, host, 256) == CUDA_SUCCESS);
  void *parameters[] = {&in, &out, &what};
  CHECK(launchOn(NULL, add, 2, 32, parameters) == CUDA_SUCCESS);
  CHECK(synchronize(NULL) == CUDA_SUCCESS);
  CHECK(copyOut(host, out, 256) == CUDA_SUCCESS && host[0] == 100 && host[63] == 163);
  // the same with one packed buffer
  struct {
    CUdeviceptr in, out;
    uint32_t what;
  } packed = {in, out, 200};
  size_t size = sizeof packed;
  void *extra[] = {(void *)1, &packed, (void *)2, &size, NULL};
  CUlaunchConfig config = {2, 1, 1, 32, 1, 1, 0, NULL, NULL, 0};
  CUresult (*launchEx)(const CUlaunchConfig *, CUfunction, void **, void **) = function("cuLaunchKernelEx");
  CHECK(launchEx(&config, add, NULL, extra) == CUDA_SUCCESS);
  CHECK(copyOut(host, out, 256) == CUDA_SUCCESS && host[63] == 263);
  size = 8;
  CHECK(launchEx(&config, add, NULL, extra) == CUDA_ERROR_INVALID_VALUE);
  CUlaunchAttribute unknown = {77, "", {""}};
  config.attrs = &unknown;
  config.numAttrs = 1;
  CHECK(launchEx(&config, add, parameters, NULL) == CUDA_ERROR_INVALID_VALUE);
  CHECK(launchOn(NULL, add, 0, 32, parameters) == CUDA_ERROR_INVALID_VALUE);
  CHECK(launchOn(NULL, add, 1, 1025, parameters) == CUDA_ERROR_INVALID_VALUE);
  CHECK(synchronize(NULL) == CUDA_SUCCESS);
}

static void scenarioSharedMemoryLimit(void) {
  int blocks = 0;
  open();
  CHECK(load(kText) == CUDA_SUCCESS);
  CUfunction add = kernel("add");
  CUresult (*set)(CUfunction, int, int) = function("cuFuncSetAttribute");
  CUresult (*occupancy)(int *, CUfunction, int, size_t) = function("cuOccupancyMaxActiveBlocksPerMultiprocessor");
  CUlaunchConfig config = {1, 1, 1, 32, 1, 1, 100000, NULL, NULL, 0};
  CHECK(CALL(cuLaunchKernelEx, (const CUlaunchConfig *, CUfunction, void **, void **), (&config, add, NULL, NULL)) ==
        CUDA_ERROR_INVALID_VALUE);
  CHECK(set(add, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 300000) == CUDA_ERROR_INVALID_VALUE);
  CHECK(set(add, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 100000) == CUDA_SUCCESS);
  CHECK(occupancy(&blocks, add, 256, 0) == CUDA_SUCCESS && blocks == 8);
  CHECK(occupancy(&blocks, add, 256, 100000) == CUDA_SUCCESS && blocks == 2);
}

static void scenarioCooperative(void) {
  open();
  CHECK(load(kText) == CUDA_SUCCESS);
  CUdeviceptr counter = allocate(4), out = allocate(256);
  CHECK(CALL(cuMemsetD8, (CUdeviceptr, unsigned char, size_t), (counter, 0, 4)) == CUDA_SUCCESS);
  void *parameters[] = {&counter, &out};
  CUresult (*cooperative)(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, CUstream,
                          void **) = function("cuLaunchCooperativeKernel");
  for (int seed = 0; seed < 3; ++seed) {
    const char text[] = {(char)('0' + seed), '\0'};
    seed ? setenv("FAKE_CUDA_STRICT", text, 1) : unsetenv("FAKE_CUDA_STRICT");
    CHECK(CALL(cuMemsetD8, (CUdeviceptr, unsigned char, size_t), (counter, 0, 4)) == CUDA_SUCCESS);
    CHECK(cooperative(kernel("arrive"), 8, 1, 1, 1, 1, 1, 0, NULL, parameters) == CUDA_SUCCESS);
    CHECK(copyOut(host, out, 32) == CUDA_SUCCESS && host[0] == 8 && host[7] == 8);
  }
  CHECK(cooperative(kernel("arrive"), 4 * 32 + 1, 1, 1, 1, 1, 1, 0, NULL, parameters) ==
        CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
}

static void scenarioFaultStays(void) {
  open();
  CHECK(load(kText) == CUDA_SUCCESS);
  CUdeviceptr out = allocate(256), more = 0;
  void *parameters[] = {&out};
  CHECK(launchOn(NULL, kernel("fault"), 1, 1, parameters) == CUDA_SUCCESS);
  CHECK(synchronize(NULL) == CUDA_ERROR_ILLEGAL_ADDRESS);
  CHECK(copyOut(host, out, 4) == CUDA_ERROR_ILLEGAL_ADDRESS);
  CHECK(CALL(cuMemAlloc, (CUdeviceptr *, size_t), (&more, 4)) == CUDA_ERROR_ILLEGAL_ADDRESS);
  CHECK(CALL(cuMemFree, (CUdeviceptr), (out)) == CUDA_SUCCESS);
}

static void scenarioHang(void) {
  open();
  CHECK(load(kText) == CUDA_SUCCESS);
  CUdeviceptr flag = allocate(4);
  CHECK(CALL(cuMemsetD8, (CUdeviceptr, unsigned char, size_t), (flag, 0, 4)) == CUDA_SUCCESS);
  void *parameters[] = {&flag};
  CHECK(launchOn(NULL, kernel("hang"), 1, 1, parameters) == CUDA_SUCCESS);
  CHECK(synchronize(NULL) == CUDA_ERROR_LAUNCH_TIMEOUT);
}

static void scenarioMemory(void) {
  size_t available = 0, total = 0;
  CUdeviceptr first = 0, second = 0;
  setenv("FAKE_CUDA_MEMORY", "1000000", 1);
  open();
  CUresult (*info)(size_t *, size_t *) = function("cuMemGetInfo");
  CUresult (*alloc)(CUdeviceptr *, size_t) = function("cuMemAlloc");
  CHECK(info(&available, &total) == CUDA_SUCCESS && available == 1000000 && total == 1000000);
  CHECK(alloc(&first, 600000) == CUDA_SUCCESS);
  CHECK(alloc(&second, 600000) == CUDA_ERROR_OUT_OF_MEMORY);
  CHECK(info(&available, &total) == CUDA_SUCCESS && available == 400000);
  CHECK(CALL(cuMemFree, (CUdeviceptr), (first)) == CUDA_SUCCESS);
  CHECK(CALL(cuMemFree, (CUdeviceptr), (first)) == CUDA_ERROR_INVALID_VALUE);
  CHECK(alloc(&second, 600000) == CUDA_SUCCESS);
  CHECK(copyIn(second + 600000 - 128, host, 256) == CUDA_ERROR_INVALID_VALUE);
  CHECK(alloc(&first, 0) == CUDA_ERROR_INVALID_VALUE);
}

static void scenarioHostMemory(void) {
  uint32_t *pinned = NULL;
  static uint32_t registered[64];
  open();
  CHECK(load(kText) == CUDA_SUCCESS);
  CHECK(CALL(cuMemAllocHost, (void **, size_t), ((void **)&pinned, 256)) == CUDA_SUCCESS);
  CHECK(CALL(cuMemHostRegister, (void *, size_t, unsigned), (registered, sizeof registered, 0)) == CUDA_SUCCESS);
  for (uint32_t i = 0; i < 64; ++i)
    registered[i] = i;
  CUdeviceptr in = (CUdeviceptr)registered, out = (CUdeviceptr)pinned;
  uint32_t what = 5;
  void *parameters[] = {&in, &out, &what};
  CHECK(launchOn(NULL, kernel("add"), 2, 32, parameters) == CUDA_SUCCESS && synchronize(NULL) == CUDA_SUCCESS);
  CHECK(pinned[63] == 68);
  CHECK(CALL(cuMemFreeHost, (void *), (pinned)) == CUDA_SUCCESS);
  CHECK(CALL(cuMemHostUnregister, (void *), (registered)) == CUDA_SUCCESS);
  CHECK(launchOn(NULL, kernel("add"), 2, 32, parameters) == CUDA_SUCCESS &&
        synchronize(NULL) == CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void scenarioVirtualMemory(void) {
  size_t page = 0, available = 0, total = 0;
  CUdeviceptr base = 0;
  CUmemGenericAllocationHandle handles[2];
  open();
  CHECK(load(kText) == CUDA_SUCCESS);
  CHECK(CALL(cuMemGetAllocationGranularity, (size_t *, const void *, int), (&page, NULL, 0)) == CUDA_SUCCESS);
  CHECK(CALL(cuMemAddressReserve, (CUdeviceptr *, size_t, size_t, CUdeviceptr, unsigned long long),
             (&base, 4 * page, 0, 0, 0)) == CUDA_SUCCESS);
  CUresult (*map)(CUdeviceptr, size_t, size_t, CUmemGenericAllocationHandle, unsigned long long) = function("cuMemMap");
  for (int i = 0; i < 2; ++i) {
    CHECK(CALL(cuMemCreate, (CUmemGenericAllocationHandle *, size_t, const void *, unsigned long long),
               (&handles[i], page, NULL, 0)) == CUDA_SUCCESS);
    CHECK(map(base + i * page, page, 0, handles[i], 0) == CUDA_SUCCESS);
  }
  CHECK(map(base + 4 * page, page, 0, handles[0], 0) == CUDA_ERROR_INVALID_VALUE);
  CHECK(copyIn(base, host, 256) == CUDA_ERROR_INVALID_VALUE); // nobody may touch it yet
  CHECK(CALL(cuMemSetAccess, (CUdeviceptr, size_t, const void *, size_t), (base, 2 * page, NULL, 1)) == CUDA_SUCCESS);
  for (uint32_t i = 0; i < 64; ++i)
    host[i] = i;
  CHECK(copyIn(base + page - 128, host, 256) == CUDA_SUCCESS); // across both
  CUdeviceptr in = base + page - 128, out = base;
  uint32_t what = 1;
  void *parameters[] = {&in, &out, &what};
  CHECK(launchOn(NULL, kernel("add"), 2, 32, parameters) == CUDA_SUCCESS);
  CHECK(copyOut(host, out, 256) == CUDA_SUCCESS && host[63] == 64);
  for (int i = 0; i < 2; ++i)
    CHECK(CALL(cuMemRelease, (CUmemGenericAllocationHandle), (handles[i])) == CUDA_SUCCESS);
  CHECK(CALL(cuMemGetInfo, (size_t *, size_t *), (&available, &total)) == 0 && total - available == 2 * page);
  CHECK(CALL(cuMemUnmap, (CUdeviceptr, size_t), (base, 2 * page)) == CUDA_SUCCESS);
  CHECK(CALL(cuMemGetInfo, (size_t *, size_t *), (&available, &total)) == 0 && total == available);
  CHECK(copyOut(host, base, 4) == CUDA_ERROR_INVALID_VALUE);
  CHECK(CALL(cuMemAddressFree, (CUdeviceptr, size_t), (base, 4 * page)) == CUDA_SUCCESS);
}

static void scenarioGraph(void) {
  CUstream stream = NULL;
  CUgraph graph = NULL;
  CUgraphExec executable = NULL;
  open();
  CHECK(load(kText) == CUDA_SUCCESS);
  CUfunction add = kernel("add");
  CUdeviceptr data = allocate(256);
  uint32_t what = 1;
  for (size_t i = 0; i < 64; ++i)
    host[i] = 0;
  CHECK(copyIn(data, host, 256) == CUDA_SUCCESS);
  void *parameters[] = {&data, &data, &what};
  CHECK(CALL(cuStreamCreate, (CUstream *, unsigned), (&stream, 1)) == CUDA_SUCCESS);
  CHECK(CALL(cuStreamBeginCapture, (CUstream, int), (stream, 0)) == CUDA_SUCCESS);
  CHECK(launchOn(stream, add, 2, 32, parameters) == CUDA_SUCCESS);
  what = 10; // arguments are taken when the launch is recorded
  CHECK(launchOn(stream, add, 2, 32, parameters) == CUDA_SUCCESS);
  CHECK(CALL(cuMemcpyDtoHAsync, (void *, CUdeviceptr, size_t, CUstream), (host, data, 256, stream)) == CUDA_SUCCESS);
  CHECK(synchronize(stream) == CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  CHECK(CALL(cuStreamEndCapture, (CUstream, CUgraph *), (stream, &graph)) == CUDA_SUCCESS);
  what = 1000;
  CHECK(CALL(cuGraphInstantiateWithFlags, (CUgraphExec *, CUgraph, unsigned long long), (&executable, graph, 0)) == 0);
  CHECK(CALL(cuGraphDestroy, (CUgraph), (graph)) == CUDA_SUCCESS);
  CHECK(host[5] == 0); // nothing has run
  for (int i = 0; i < 3; ++i)
    CHECK(CALL(cuGraphLaunch, (CUgraphExec, CUstream), (executable, stream)) == CUDA_SUCCESS);
  CHECK(synchronize(stream) == CUDA_SUCCESS && host[5] == 33);
  CHECK(CALL(cuGraphExecDestroy, (CUgraphExec), (executable)) == CUDA_SUCCESS);
  CHECK(CALL(cuStreamDestroy, (CUstream), (stream)) == CUDA_SUCCESS);
}

static void scenarioEvents(void) {
  CUevent start = NULL, end = NULL;
  float milliseconds = -1;
  open();
  CHECK(CALL(cuEventCreate, (CUevent *, unsigned), (&start, 0)) == CUDA_SUCCESS);
  CHECK(CALL(cuEventCreate, (CUevent *, unsigned), (&end, 0)) == CUDA_SUCCESS);
  CUresult (*elapsed)(float *, CUevent, CUevent) = function("cuEventElapsedTime");
  CHECK(elapsed(&milliseconds, start, end) == CUDA_ERROR_INVALID_HANDLE);
  CHECK(CALL(cuEventRecord, (CUevent, CUstream), (start, NULL)) == CUDA_SUCCESS);
  CHECK(CALL(cuEventRecord, (CUevent, CUstream), (end, NULL)) == CUDA_SUCCESS);
  CHECK(elapsed(&milliseconds, start, end) == CUDA_SUCCESS && milliseconds >= 0);
  CHECK(CALL(cuEventDestroy, (CUevent), (start)) == CUDA_SUCCESS &&
        CALL(cuEventDestroy, (CUevent), (end)) == CUDA_SUCCESS);
}

static void scenarioInjectedFailures(void) {
  CUdeviceptr address = 0;
  setenv("FAKE_CUDA_FAIL", "cuMemAlloc:2:2,cuCtxSetCurrent:2:201", 1);
  open();
  CUresult (*alloc)(CUdeviceptr *, size_t) = function("cuMemAlloc");
  CHECK(alloc(&address, 4) == CUDA_SUCCESS);
  CHECK(alloc(&address, 4) == CUDA_ERROR_OUT_OF_MEMORY);
  CHECK(alloc(&address, 4) == CUDA_SUCCESS);
  CHECK(CALL(cuCtxSetCurrent, (CUcontext), (context)) == CUDA_ERROR_INVALID_CONTEXT);
}

static const struct {
  const char *name;
  void (*run)(void);
} kScenarios[] = {
    {"device", scenarioDevice},
    {"no device", scenarioNoDevice},
    {"old driver", scenarioOldDriver},
    {"old card", scenarioOldCard},
    {"modules", scenarioModules},
    {"launch", scenarioLaunch},
    {"shared memory", scenarioSharedMemoryLimit},
    {"cooperative", scenarioCooperative},
    {"fault", scenarioFaultStays},
    {"hang", scenarioHang},
    {"memory", scenarioMemory},
    {"host memory", scenarioHostMemory},
    {"virtual memory", scenarioVirtualMemory},
    {"graph", scenarioGraph},
    {"events", scenarioEvents},
    {"injected failures", scenarioInjectedFailures},
};

static int runScenario(void *library, size_t which) {
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    *(void **)&getProcAddress = dlsym(library, "cuGetProcAddress_v2");
    if (!getProcAddress)
      exit(1);
    kScenarios[which].run();
    exit(failures != 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status != 0;
}

int main(void) {
  const char *name = getenv("LMOPT_LIBCUDA");
  // NOLINTNEXTLINE(clang-analyzer-optin.taint.GenericTaint): that is what the variable is for
  void *library = dlopen(name ? name : "libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    printf("no driver: %s\n", dlerror());
    return 1;
  }
  int failed = 0;
  for (size_t i = 0; i < sizeof kScenarios / sizeof *kScenarios; ++i)
    if (runScenario(library, i)) {
      printf("scenario '%s' failed\n", kScenarios[i].name);
      failed = 1;
    }
  return failed;
}
