// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A client of the driver as the runtime is one: no CUDA headers, dlopen of what LMOPT_LIBCUDA names, functions found by
// cuGetProcAddress. It is the test of the fake driver: each scenario (client_*.c) is a process of its own, because a
// fault stays.
//
// In: LMOPT_LIBCUDA. Out: a line for each scenario that fails and exit code 1.
#include "test/ptx/fake/client.h"

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

int failures;
CUresult (*getProcAddress)(const char *, void **, int, uint64_t, int *);

void *function(const char *name) {
  void *found = NULL;
  if (getProcAddress(name, &found, 13000, 0, NULL) != CUDA_SUCCESS || !found) {
    printf("client.c: no function %s\n", name);
    exit(1);
  }
  return found;
}

CUdevice device;
CUcontext context;
CUmodule module;

// out[i] = in[i] + add; blocks of 32 threads. "fault" writes behind its memory, "hang" waits for nobody.
const char kText[] =
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

void openDevice(void) {
  CHECK(CALL(cuInit, (unsigned), (0)) == CUDA_SUCCESS);
  CHECK(CALL(cuDeviceGet, (CUdevice *, int), (&device, 0)) == CUDA_SUCCESS);
  CHECK(CALL(cuDevicePrimaryCtxRetain, (CUcontext *, CUdevice), (&context, device)) == CUDA_SUCCESS);
  CHECK(CALL(cuCtxSetCurrent, (CUcontext), (context)) == CUDA_SUCCESS);
}

CUresult load(const void *image) {
  return CALL(cuModuleLoadDataEx, (CUmodule *, const void *, unsigned, int *, void **),
              (&module, image, 0, NULL, NULL));
}

CUfunction kernel(const char *name) {
  CUfunction found = NULL;
  CHECK(CALL(cuModuleGetFunction, (CUfunction *, CUmodule, const char *), (&found, module, name)) == CUDA_SUCCESS);
  return found;
}

CUdeviceptr allocate(size_t size) {
  CUdeviceptr address = 0;
  CHECK(CALL(cuMemAlloc, (CUdeviceptr *, size_t), (&address, size)) == CUDA_SUCCESS);
  return address;
}

CUresult launchOn(CUstream stream, CUfunction f, unsigned blocks, unsigned threads, void **parameters) {
  return CALL(
      cuLaunchKernel,
      (CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, CUstream, void **, void **),
      (f, blocks, 1, 1, threads, 1, 1, 0, stream, parameters, NULL));
}

CUresult synchronize(CUstream stream) { return CALL(cuStreamSynchronize, (CUstream), (stream)); }
CUresult copyIn(CUdeviceptr into, const void *from, size_t size) {
  return CALL(cuMemcpyHtoD, (CUdeviceptr, const void *, size_t), (into, from, size));
}
CUresult copyOut(void *into, CUdeviceptr from, size_t size) {
  return CALL(cuMemcpyDtoH, (void *, CUdeviceptr, size_t), (into, from, size));
}

uint32_t host[64];

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
    {"every call in turn", scenarioEveryCall},
    {"contexts", scenarioContexts},
    {"late streams", scenarioLateStreams},
    {"inspection", scenarioInspection},
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
