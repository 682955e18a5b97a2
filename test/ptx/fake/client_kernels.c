// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scenarios of the fake driver: the device, modules, launches and what goes wrong with them. Described in client.c.
#include "test/ptx/fake/client.h"

void scenarioDevice(void) {
  int count = 0, version = 0, value = 0;
  char name[8];
  const char *text = NULL;
  CHECK(CALL(cuDeviceGetCount, (int *), (&count)) == CUDA_ERROR_NOT_INITIALIZED);
  openDevice();
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
  setenv("FAKE_CUDA_WITHOUT", "95,16", 1);
  CHECK(attribute(&value, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, device) == CUDA_SUCCESS && value == 0);
  CHECK(CALL(cuDeviceGet, (CUdevice *, int), (&device, 1)) == CUDA_ERROR_INVALID_DEVICE);
  CHECK(CALL(cuGetErrorName, (CUresult, const char **), (209, &text)) == CUDA_SUCCESS);
  CHECK(text && strcmp(text, "CUDA_ERROR_NO_BINARY_FOR_GPU") == 0);
  CHECK(CALL(cuGetErrorName, (CUresult, const char **), (4711, &text)) == CUDA_ERROR_INVALID_VALUE);
  CHECK(CALL(cuDevicePrimaryCtxRelease, (CUdevice), (0)) == CUDA_SUCCESS);
  CHECK(CALL(cuDevicePrimaryCtxRelease, (CUdevice), (0)) == CUDA_ERROR_INVALID_CONTEXT);
  void *none = NULL;
  CHECK(getProcAddress("cuFrobnicate", &none, 13000, 0, NULL) == CUDA_ERROR_NOT_FOUND);
}

void scenarioNoDevice(void) {
  setenv("FAKE_CUDA_NO_DEVICE", "1", 1);
  CHECK(CALL(cuInit, (unsigned), (0)) == CUDA_ERROR_NO_DEVICE);
}

void scenarioOldDriver(void) {
  int version = 0;
  setenv("FAKE_CUDA_VERSION", "11040", 1);
  openDevice();
  CHECK(CALL(cuDriverGetVersion, (int *), (&version)) == CUDA_SUCCESS && version == 11040);
  CHECK(load(kText) == CUDA_SUCCESS);
  CHECK(load(".version 8.0\n.target sm_80\n.address_size 64\n") == CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
}

void scenarioOldCard(void) {
  int value = 0;
  setenv("FAKE_CUDA_SM", "80", 1);
  openDevice();
  CHECK(CALL(cuDeviceGetAttribute, (int *, int, CUdevice), (&value, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 0)) ==
        0);
  CHECK(value == 8);
  CHECK(load(".version 8.0\n.target sm_90a\n.address_size 64\n") == CUDA_ERROR_NO_BINARY_FOR_GPU);
  CHECK(load(".version 8.0\n.target sm_80\n.address_size 64\n") == CUDA_SUCCESS);
}

void scenarioModules(void) {
  char log[256] = "";
  int options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {log, (void *)sizeof log};
  CUfunction none;
  CUdeviceptr address = 0;
  size_t size = 0;
  openDevice();
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

void scenarioLaunch(void) {
  openDevice();
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

void scenarioSharedMemoryLimit(void) {
  int blocks = 0;
  openDevice();
  CHECK(load(kText) == CUDA_SUCCESS);
  CUfunction add = kernel("add");
  CUresult (*set)(CUfunction, int, int) = function("cuFuncSetAttribute");
  CUresult (*occupancy)(int *, CUfunction, int, size_t) = function("cuOccupancyMaxActiveBlocksPerMultiprocessor");
  CUlaunchConfig config = {1, 1, 1, 32, 1, 1, 100000, NULL, NULL, 0};
  CHECK(CALL(cuLaunchKernelEx, (const CUlaunchConfig *, CUfunction, void **, void **), (&config, add, NULL, NULL)) ==
        CUDA_ERROR_INVALID_VALUE);
  CHECK(set(add, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 300000) == CUDA_ERROR_INVALID_VALUE);
  CHECK(set(add, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 100000) == CUDA_SUCCESS);
  int limit = 0;
  CHECK(kernel("add") == add);
  CHECK(CALL(cuFuncGetAttribute, (int *, int, CUfunction),
             (&limit, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, add)) == CUDA_SUCCESS &&
        limit == 100000);
  CHECK(occupancy(&blocks, add, 256, 0) == CUDA_SUCCESS && blocks == 8);
  CHECK(occupancy(&blocks, add, 256, 100000) == CUDA_SUCCESS && blocks == 2);
}

void scenarioCooperative(void) {
  openDevice();
  CHECK(load(kText) == CUDA_SUCCESS);
  CUdeviceptr counter = allocate(4), out = allocate(256);
  CHECK(CALL(cuMemsetD8, (CUdeviceptr, unsigned char, size_t), (counter, 0, 4)) == CUDA_SUCCESS);
  void *parameters[] = {&counter, &out};
  CUresult (*cooperative)(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, CUstream,
                          void **) = function("cuLaunchCooperativeKernel");
  for (int seed = 0; seed < 3; ++seed) {
    char text[8];
    snprintf(text, sizeof text, "%d", seed);
    seed ? setenv("FAKE_CUDA_STRICT", text, 1) : unsetenv("FAKE_CUDA_STRICT");
    CHECK(CALL(cuMemsetD8, (CUdeviceptr, unsigned char, size_t), (counter, 0, 4)) == CUDA_SUCCESS);
    CHECK(cooperative(kernel("arrive"), 8, 1, 1, 1, 1, 1, 0, NULL, parameters) == CUDA_SUCCESS);
    CHECK(copyOut(host, out, 32) == CUDA_SUCCESS && host[0] == 8 && host[7] == 8);
  }
  CHECK(cooperative(kernel("arrive"), 4 * 32 + 1, 1, 1, 1, 1, 1, 0, NULL, parameters) ==
        CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
}

void scenarioFaultStays(void) {
  openDevice();
  CHECK(load(kText) == CUDA_SUCCESS);
  CUdeviceptr out = allocate(256), more = 0;
  void *parameters[] = {&out};
  CHECK(launchOn(NULL, kernel("fault"), 1, 1, parameters) == CUDA_SUCCESS);
  CHECK(synchronize(NULL) == CUDA_ERROR_ILLEGAL_ADDRESS);
  CHECK(copyOut(host, out, 4) == CUDA_ERROR_ILLEGAL_ADDRESS);
  CHECK(CALL(cuMemAlloc, (CUdeviceptr *, size_t), (&more, 4)) == CUDA_ERROR_ILLEGAL_ADDRESS);
  CHECK(CALL(cuMemFree, (CUdeviceptr), (out)) == CUDA_SUCCESS);
}

void scenarioHang(void) {
  openDevice();
  CHECK(load(kText) == CUDA_SUCCESS);
  CUdeviceptr flag = allocate(4);
  CHECK(CALL(cuMemsetD8, (CUdeviceptr, unsigned char, size_t), (flag, 0, 4)) == CUDA_SUCCESS);
  void *parameters[] = {&flag};
  CHECK(launchOn(NULL, kernel("hang"), 1, 1, parameters) == CUDA_SUCCESS);
  CHECK(synchronize(NULL) == CUDA_ERROR_LAUNCH_TIMEOUT);
}
