// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scenarios of the fake driver: memory, streams, graphs, events, and what tests alone can ask. Described in client.c.
#include "test/ptx/fake/Inspect.h"
#include "test/ptx/fake/client.h"

void scenarioMemory(void) {
  size_t available = 0, total = 0;
  CUdeviceptr first = 0, second = 0;
  setenv("FAKE_CUDA_MEMORY", "1000000", 1);
  openDevice();
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

void scenarioHostMemory(void) {
  uint32_t *pinned = NULL;
  static uint32_t registered[64];
  openDevice();
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

void scenarioVirtualMemory(void) {
  size_t page = 0, available = 0, total = 0;
  CUdeviceptr base = 0;
  CUmemGenericAllocationHandle handles[2];
  CUmemAllocationProp properties = {.type = CU_MEM_ALLOCATION_TYPE_PINNED,
                                    .location = {CU_MEM_LOCATION_TYPE_DEVICE, 0}};
  CUmemAccessDesc access = {properties.location, CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
  openDevice();
  CHECK(load(kText) == CUDA_SUCCESS);
  CHECK(CALL(cuMemGetAllocationGranularity, (size_t *, const CUmemAllocationProp *, int), (&page, &properties, 0)) ==
        CUDA_SUCCESS);
  CHECK(CALL(cuMemAddressReserve, (CUdeviceptr *, size_t, size_t, CUdeviceptr, unsigned long long),
             (&base, 4 * page, 0, 0, 0)) == CUDA_SUCCESS);
  CUresult (*map)(CUdeviceptr, size_t, size_t, CUmemGenericAllocationHandle, unsigned long long) = function("cuMemMap");
  for (int i = 0; i < 2; ++i) {
    CHECK(CALL(cuMemCreate, (CUmemGenericAllocationHandle *, size_t, const CUmemAllocationProp *, unsigned long long),
               (&handles[i], page, &properties, 0)) == CUDA_SUCCESS);
    CHECK(map(base + i * page, page, 0, handles[i], 0) == CUDA_SUCCESS);
  }
  CHECK(map(base + 4 * page, page, 0, handles[0], 0) == CUDA_ERROR_INVALID_VALUE);
  CHECK(copyIn(base, host, 256) == CUDA_ERROR_INVALID_VALUE); // nobody may touch it yet
  CHECK(CALL(cuMemSetAccess, (CUdeviceptr, size_t, const CUmemAccessDesc *, size_t), (base, 2 * page, &access, 1)) ==
        CUDA_SUCCESS);
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

void scenarioGraph(void) {
  CUstream stream = NULL;
  CUgraph graph = NULL;
  CUgraphExec executable = NULL;
  openDevice();
  CHECK(load(kText) == CUDA_SUCCESS);
  CUfunction add = kernel("add");
  CUdeviceptr data = allocate(256);
  uint32_t what = 1;
  memset(host, 0, sizeof host);
  CHECK(copyIn(data, host, 256) == CUDA_SUCCESS);
  void *parameters[] = {&data, &data, &what};
  CHECK(CALL(cuStreamCreate, (CUstream *, unsigned), (&stream, 1)) == CUDA_SUCCESS);
  CHECK(CALL(cuStreamBeginCapture, (CUstream, int), (stream, 0)) == CUDA_SUCCESS);
  CHECK(launchOn(stream, add, 2, 32, parameters) == CUDA_SUCCESS);
  what = 10; // arguments are taken when the launch is recorded
  CHECK(launchOn(stream, add, 2, 32, parameters) == CUDA_SUCCESS);
  CHECK(CALL(cuMemcpyDtoHAsync, (void *, CUdeviceptr, size_t, CUstream), (host, data, 256, stream)) == CUDA_SUCCESS);
  CHECK(synchronize(stream) == CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  CHECK(CALL(cuCtxSynchronize, (void), ()) == CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  CHECK(CALL(cuStreamEndCapture, (CUstream, CUgraph *), (stream, &graph)) == CUDA_SUCCESS);
  what = 1000;
  CHECK(CALL(cuGraphInstantiateWithFlags, (CUgraphExec *, CUgraph, unsigned long long), (&executable, graph, 0)) == 0);
  CHECK(CALL(cuGraphDestroy, (CUgraph), (graph)) == CUDA_SUCCESS);
  CHECK(host[5] == 0); // nothing has run
  for (int i = 0; i < 3; ++i)
    CHECK(CALL(cuGraphLaunch, (CUgraphExec, CUstream), (executable, stream)) == CUDA_SUCCESS);
  CHECK(synchronize(stream) == CUDA_SUCCESS && host[5] == 33);
  FakeCudaLive live;
  ((void (*)(FakeCudaLive *))function("fakeCudaInspect"))(&live);
  CHECK(live.executables == 1 && live.lateUploads == 1); // by the first of three launches
  CHECK(CALL(cuGraphExecDestroy, (CUgraphExec), (executable)) == CUDA_SUCCESS);
  CHECK(CALL(cuStreamDestroy, (CUstream), (stream)) == CUDA_SUCCESS);
}

void scenarioEvents(void) {
  CUevent start = NULL, end = NULL;
  float milliseconds = -1;
  openDevice();
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

void scenarioInjectedFailures(void) {
  CUdeviceptr address = 0;
  setenv("FAKE_CUDA_FAIL", "cuMemAlloc:2:2,cuCtxSetCurrent:2:201", 1);
  openDevice();
  CUresult (*alloc)(CUdeviceptr *, size_t) = function("cuMemAlloc");
  CHECK(alloc(&address, 4) == CUDA_SUCCESS);
  CHECK(alloc(&address, 4) == CUDA_ERROR_OUT_OF_MEMORY);
  CHECK(alloc(&address, 4) == CUDA_SUCCESS);
  CHECK(CALL(cuCtxSetCurrent, (CUcontext), (context)) == CUDA_ERROR_INVALID_CONTEXT);
}

void scenarioEveryCall(void) {
  CUdeviceptr address = 0;
  openDevice();
  CUresult (*alloc)(CUdeviceptr *, size_t) = function("cuMemAlloc");
  CUresult (*release)(CUdeviceptr) = function("cuMemFree");
  CUresult (*synchronizeAll)(void) = function("cuCtxSynchronize");
  setenv("FAKE_CUDA_FAIL", "*:3:2", 1);
  CHECK(alloc(&address, 4) == CUDA_SUCCESS && release(address) == CUDA_SUCCESS); // giving back does not count
  CHECK(alloc(&address, 4) == CUDA_SUCCESS && release(address) == CUDA_SUCCESS);
  CHECK(synchronizeAll() == CUDA_ERROR_OUT_OF_MEMORY);
  CHECK(synchronizeAll() == CUDA_SUCCESS);
}

void scenarioContexts(void) {
  CUdeviceptr address = 0;
  CUcontext current = NULL;
  CHECK(CALL(cuInit, (unsigned), (0)) == CUDA_SUCCESS);
  CUresult (*alloc)(CUdeviceptr *, size_t) = function("cuMemAlloc");
  CUresult (*push)(CUcontext) = function("cuCtxPushCurrent");
  CUresult (*pop)(CUcontext *) = function("cuCtxPopCurrent");
  CHECK(alloc(&address, 4) == CUDA_ERROR_INVALID_CONTEXT);
  CHECK(pop(&current) == CUDA_ERROR_INVALID_CONTEXT);
  CHECK(CALL(cuDevicePrimaryCtxRetain, (CUcontext *, CUdevice), (&context, 0)) == CUDA_SUCCESS);
  CHECK(alloc(&address, 4) == CUDA_ERROR_INVALID_CONTEXT); // it is not current yet
  CHECK(push(context) == CUDA_SUCCESS && push(context) == CUDA_SUCCESS);
  CHECK(pop(&current) == CUDA_SUCCESS && current == context);
  CHECK(alloc(&address, 4) == CUDA_SUCCESS);
  CHECK(pop(NULL) == CUDA_SUCCESS);
  CHECK(CALL(cuCtxGetCurrent, (CUcontext *), (&current)) == CUDA_SUCCESS && !current);
  CHECK(CALL(cuMemFree, (CUdeviceptr), (address)) == CUDA_ERROR_INVALID_CONTEXT);
  CHECK(CALL(cuDevicePrimaryCtxRelease, (CUdevice), (0)) == CUDA_SUCCESS);
  CHECK(push(context) == CUDA_ERROR_INVALID_CONTEXT);
}

/// In strict mode a stream is as late as it may be: what the host does meanwhile shows.
void scenarioLateStreams(void) {
  CUstream first = NULL, second = NULL;
  CUevent event = NULL;
  float milliseconds = 0;
  setenv("FAKE_CUDA_STRICT", "1", 1);
  openDevice();
  CUdeviceptr data = allocate(256);
  CUresult (*in)(CUdeviceptr, const void *, size_t, CUstream) = function("cuMemcpyHtoDAsync");
  CUresult (*out)(void *, CUdeviceptr, size_t, CUstream) = function("cuMemcpyDtoHAsync");
  CHECK(CALL(cuStreamCreate, (CUstream *, unsigned), (&first, 1)) == CUDA_SUCCESS);
  CHECK(CALL(cuStreamCreate, (CUstream *, unsigned), (&second, 1)) == CUDA_SUCCESS);
  CHECK(CALL(cuEventCreate, (CUevent *, unsigned), (&event, 0)) == CUDA_SUCCESS);
  host[0] = 1;
  CHECK(in(data, host, 4, first) == CUDA_SUCCESS);
  host[0] = 2; // too early: the copy has not run
  CHECK(CALL(cuEventRecord, (CUevent, CUstream), (event, first)) == CUDA_SUCCESS);
  CHECK(CALL(cuEventQuery, (CUevent), (event)) == CUDA_ERROR_NOT_READY);
  CHECK(CALL(cuEventElapsedTime, (float *, CUevent, CUevent), (&milliseconds, event, event)) == CUDA_ERROR_NOT_READY);
  CHECK(CALL(cuStreamWaitEvent, (CUstream, CUevent, unsigned), (second, event, 0)) == CUDA_SUCCESS);
  CHECK(out(host + 1, data, 4, second) == CUDA_SUCCESS && host[1] == 0);
  CHECK(synchronize(second) == CUDA_SUCCESS && host[1] == 2);
  CHECK(CALL(cuEventQuery, (CUevent), (event)) == CUDA_SUCCESS);
  CHECK(in(data, host + 2, 4, first) == CUDA_SUCCESS);
  CHECK(CALL(cuCtxSynchronize, (void), ()) == CUDA_SUCCESS);
  CHECK(copyOut(host, data, 4) == CUDA_SUCCESS && host[0] == 0);
  host[3] = 4;
  CHECK(in(data, host + 3, 4, first) == CUDA_SUCCESS);
  CHECK(out(host + 4, data, 4, first) == CUDA_SUCCESS);
  CHECK(CALL(cuEventDestroy, (CUevent), (event)) == CUDA_SUCCESS);
  CHECK(CALL(cuStreamDestroy, (CUstream), (first)) == CUDA_SUCCESS &&
        CALL(cuStreamDestroy, (CUstream), (second)) == CUDA_SUCCESS);
  CHECK(host[4] == 0); // who destroys a stream does not wait for it
  CHECK(CALL(cuCtxSynchronize, (void), ()) == CUDA_SUCCESS && host[4] == 4);
}

void scenarioInspection(void) {
  FakeCudaLive live;
  CUevent event = NULL;
  void (*inspect)(FakeCudaLive *) = function("fakeCudaInspect");
  void (*forget)(void) = function("fakeCudaForget");
  setenv("FAKE_CUDA_MISSING", "cuFrobnicate,cuGraphLaunch", 1);
  openDevice();
  inspect(&live);
  CHECK(live.contextUses == 1 && live.contextDepth == 1 && live.deviceBytes == 0 && live.events == 0);
  CHECK(CALL(cuEventCreate, (CUevent *, unsigned), (&event, 0)) == CUDA_SUCCESS);
  CUdeviceptr address = allocate(100);
  inspect(&live);
  CHECK(live.allocations == 1 && live.deviceBytes == 100 && live.events == 1);
  CHECK(CALL(cuMemFree, (CUdeviceptr), (address)) == CUDA_SUCCESS);
  CHECK(CALL(cuEventDestroy, (CUevent), (event)) == CUDA_SUCCESS);
  inspect(&live);
  CHECK(live.allocations == 0 && live.deviceBytes == 0 && live.events == 0);
  void *none = NULL;
  CHECK(getProcAddress("cuGraphLaunch", &none, 13000, 0, NULL) == CUDA_ERROR_NOT_FOUND && !none);
  forget();
  CHECK(CALL(cuCtxSynchronize, (void), ()) == CUDA_SUCCESS);
  CHECK(CALL(cuDevicePrimaryCtxRelease, (CUdevice), (0)) == CUDA_SUCCESS);
  forget();
  CHECK(CALL(cuCtxSynchronize, (void), ()) == CUDA_ERROR_NOT_INITIALIZED);
}
