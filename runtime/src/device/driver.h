/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The part of the CUDA driver API that the runtime uses, found in libcuda.so.1 when a GPU is asked for: nothing of
 * NVIDIA's is needed to build lmopt, or to open an artifact for CPUs. In: the library's name, or what LMOPT_LIBCUDA
 * says. Out: a table of its functions. Types and numbers are the API's ABI, under its names.
 * Source: CUDA Driver API reference; ptx.md 5.2. Tested by test/unit/runtime/DeviceDriverTest.cpp.
 */
#ifndef LMOPT_SRC_DEVICE_DRIVER_H
#define LMOPT_SRC_DEVICE_DRIVER_H

#include "lmopt/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int CUresult;
typedef int CUdevice;
typedef uint64_t CUdeviceptr;
typedef uint64_t CUmemGenericAllocationHandle;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphExec_st *CUgraphExec;

/* What a function answered. */
enum {
  LMOPTP_CUDA_SUCCESS = 0,
  LMOPTP_CUDA_OUT_OF_MEMORY = 2,
  LMOPTP_CUDA_STUB_LIBRARY = 34,
  LMOPTP_CUDA_DEVICE_UNAVAILABLE = 46,
  LMOPTP_CUDA_NO_DEVICE = 100,
  LMOPTP_CUDA_INVALID_DEVICE = 101,
  LMOPTP_CUDA_INVALID_IMAGE = 200,
  LMOPTP_CUDA_NO_BINARY_FOR_GPU = 209,
  LMOPTP_CUDA_ECC_UNCORRECTABLE = 214,
  LMOPTP_CUDA_INVALID_PTX = 218,
  LMOPTP_CUDA_JIT_COMPILER_NOT_FOUND = 221,
  LMOPTP_CUDA_UNSUPPORTED_PTX_VERSION = 222,
  LMOPTP_CUDA_JIT_COMPILATION_DISABLED = 223,
  LMOPTP_CUDA_NOT_FOUND = 500,
  LMOPTP_CUDA_ILLEGAL_ADDRESS = 700,
  LMOPTP_CUDA_LAUNCH_OUT_OF_RESOURCES = 701,
  LMOPTP_CUDA_LAUNCH_TIMEOUT = 702,
  LMOPTP_CUDA_CONTEXT_IS_DESTROYED = 709,
  LMOPTP_CUDA_ASSERT = 710,
  LMOPTP_CUDA_HARDWARE_STACK_ERROR = 714,
  LMOPTP_CUDA_ILLEGAL_INSTRUCTION = 715,
  LMOPTP_CUDA_LAUNCH_FAILED = 719
};

/* Attributes of devices, of functions and of launches, and options of the translation of PTX. */
enum {
  LMOPTP_DEVICE_MULTIPROCESSORS = 16,
  LMOPTP_DEVICE_MEMORY_CLOCK_KHZ = 36,
  LMOPTP_DEVICE_MEMORY_BUS_BITS = 37,
  LMOPTP_DEVICE_L2_BYTES = 38,
  LMOPTP_DEVICE_THREADS_PER_MULTIPROCESSOR = 39,
  LMOPTP_DEVICE_CAPABILITY_MAJOR = 75,
  LMOPTP_DEVICE_CAPABILITY_MINOR = 76,
  LMOPTP_DEVICE_SHARED_PER_MULTIPROCESSOR = 81,
  LMOPTP_DEVICE_COOPERATIVE_LAUNCH = 95,
  LMOPTP_DEVICE_SHARED_PER_BLOCK_OPTIN = 97,
  LMOPTP_DEVICE_VIRTUAL_MEMORY = 102,
  LMOPTP_FUNCTION_MOST_THREADS = 0,
  LMOPTP_FUNCTION_SHARED_BYTES = 1,
  LMOPTP_FUNCTION_REGISTERS = 4,
  LMOPTP_FUNCTION_MOST_DYNAMIC_SHARED = 8,
  LMOPTP_LAUNCH_ATTRIBUTE_COOPERATIVE = 2,
  LMOPTP_JIT_ERROR_LOG = 5,
  LMOPTP_JIT_ERROR_LOG_BYTES = 6,
  LMOPTP_STREAM_NON_BLOCKING = 1,  /* no order with the stream 0 of the host's own CUDA code */
  LMOPTP_CAPTURE_THREAD_LOCAL = 1, /* other threads may do what a capture forbids */
  LMOPTP_MEMORY_PINNED = 1,        /* CU_MEM_ALLOCATION_TYPE_PINNED: device memory that stays where it is */
  LMOPTP_LOCATION_DEVICE = 1,
  LMOPTP_ACCESS_READ_WRITE = 3
};

/* How a launch passes its arguments in one buffer: name, pointer, name, pointer, NULL. */
#define LMOPTP_LAUNCH_BUFFER ((void *)1)
#define LMOPTP_LAUNCH_BUFFER_SIZE ((void *)2)

typedef struct {
  int id;
  char pad[4];
  union {
    char pad[64];
    int cooperative;
  } value;
} CUlaunchAttribute;

typedef struct {
  unsigned gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ, sharedMemBytes;
  CUstream hStream;
  CUlaunchAttribute *attrs;
  unsigned numAttrs;
} CUlaunchConfig;

typedef struct {
  int type, id;
} CUmemLocation;

typedef struct {
  int type, requestedHandleTypes;
  CUmemLocation location;
  void *win32HandleMetaData;
  struct {
    unsigned char compressionType, gpuDirectRDMACapable;
    unsigned short usage;
    unsigned char reserved[4];
  } allocFlags;
} CUmemAllocationProp;

typedef struct {
  CUmemLocation location;
  int flags;
} CUmemAccessDesc;

/* F(name, suffix of the exported symbol, parameters): all of them are needed. cuGetProcAddress finds the form of a
 * function by the version that is asked for; dlsym by its symbol. */
#define LMOPTP_DRIVER_FUNCTIONS(F)                                                                                     \
  F(cuInit, "", (unsigned flags))                                                                                      \
  F(cuGetErrorName, "", (CUresult code, const char **name))                                                            \
  F(cuGetErrorString, "", (CUresult code, const char **text))                                                          \
  F(cuDeviceGetCount, "", (int *count))                                                                                \
  F(cuDeviceGet, "", (CUdevice * device, int ordinal))                                                                 \
  F(cuDeviceGetName, "", (char *name, int size, CUdevice device))                                                      \
  F(cuDeviceGetAttribute, "", (int *value, int attribute, CUdevice device))                                            \
  F(cuDeviceTotalMem, "_v2", (size_t *bytes, CUdevice device))                                                         \
  F(cuDevicePrimaryCtxRetain, "", (CUcontext * context, CUdevice device))                                              \
  F(cuDevicePrimaryCtxRelease, "_v2", (CUdevice device))                                                               \
  F(cuCtxPushCurrent, "_v2", (CUcontext context))                                                                      \
  F(cuCtxPopCurrent, "_v2", (CUcontext * context))                                                                     \
  F(cuCtxSynchronize, "", (void))                                                                                      \
  F(cuMemGetInfo, "_v2", (size_t *free, size_t *total))                                                                \
  F(cuMemAlloc, "_v2", (CUdeviceptr * address, size_t bytes))                                                          \
  F(cuMemFree, "_v2", (CUdeviceptr address))                                                                           \
  F(cuMemAllocHost, "_v2", (void **memory, size_t bytes))                                                              \
  F(cuMemFreeHost, "", (void *memory))                                                                                 \
  F(cuMemcpyHtoDAsync, "_v2", (CUdeviceptr into, const void *from, size_t bytes, CUstream stream))                     \
  F(cuMemcpyDtoHAsync, "_v2", (void *into, CUdeviceptr from, size_t bytes, CUstream stream))                           \
  F(cuMemcpyDtoDAsync, "_v2", (CUdeviceptr into, CUdeviceptr from, size_t bytes, CUstream stream))                     \
  F(cuMemsetD8Async, "", (CUdeviceptr into, unsigned char value, size_t bytes, CUstream stream))                       \
  F(cuMemGetAllocationGranularity, "", (size_t *bytes, const CUmemAllocationProp *properties, int option))             \
  F(cuMemAddressReserve, "",                                                                                           \
    (CUdeviceptr * address, size_t bytes, size_t alignment, CUdeviceptr wish, unsigned long long flags))               \
  F(cuMemAddressFree, "", (CUdeviceptr address, size_t bytes))                                                         \
  F(cuMemCreate, "",                                                                                                   \
    (CUmemGenericAllocationHandle * handle, size_t bytes, const CUmemAllocationProp *properties,                       \
     unsigned long long flags))                                                                                        \
  F(cuMemRelease, "", (CUmemGenericAllocationHandle handle))                                                           \
  F(cuMemMap, "",                                                                                                      \
    (CUdeviceptr address, size_t bytes, size_t offset, CUmemGenericAllocationHandle handle, unsigned long long flags)) \
  F(cuMemUnmap, "", (CUdeviceptr address, size_t bytes))                                                               \
  F(cuMemSetAccess, "", (CUdeviceptr address, size_t bytes, const CUmemAccessDesc *accesses, size_t count))            \
  F(cuModuleLoadDataEx, "", (CUmodule * module, const void *image, unsigned count, int *options, void **values))       \
  F(cuModuleUnload, "", (CUmodule module))                                                                             \
  F(cuModuleGetFunction, "", (CUfunction * function, CUmodule module, const char *name))                               \
  F(cuFuncGetAttribute, "", (int *value, int attribute, CUfunction function))                                          \
  F(cuFuncSetAttribute, "", (CUfunction function, int attribute, int value))                                           \
  F(cuOccupancyMaxActiveBlocksPerMultiprocessor, "",                                                                   \
    (int *blocks, CUfunction function, int threads, size_t shared_bytes))                                              \
  F(cuLaunchKernelEx, "", (const CUlaunchConfig *config, CUfunction function, void **parameters, void **extra))        \
  F(cuStreamCreate, "", (CUstream * stream, unsigned flags))                                                           \
  F(cuStreamDestroy, "_v2", (CUstream stream))                                                                         \
  F(cuStreamSynchronize, "", (CUstream stream))                                                                        \
  F(cuStreamWaitEvent, "", (CUstream stream, CUevent event, unsigned flags))                                           \
  F(cuStreamBeginCapture, "_v2", (CUstream stream, int mode))                                                          \
  F(cuStreamEndCapture, "", (CUstream stream, CUgraph * graph))                                                        \
  F(cuGraphInstantiateWithFlags, "", (CUgraphExec * executable, CUgraph graph, unsigned long long flags))              \
  F(cuGraphUpload, "", (CUgraphExec executable, CUstream stream))                                                      \
  F(cuGraphDestroy, "", (CUgraph graph))                                                                               \
  F(cuGraphLaunch, "", (CUgraphExec executable, CUstream stream))                                                      \
  F(cuGraphExecDestroy, "", (CUgraphExec executable))                                                                  \
  F(cuEventCreate, "", (CUevent * event, unsigned flags))                                                              \
  F(cuEventRecord, "", (CUevent event, CUstream stream))                                                               \
  F(cuEventSynchronize, "", (CUevent event))                                                                           \
  F(cuEventElapsedTime, "", (float *milliseconds, CUevent start, CUevent end))                                         \
  F(cuEventDestroy, "_v2", (CUevent event))

typedef struct {
  void *library;
  int version;                                                               /* 12040: it serves CUDA up to 12.4 */
#define LMOPTP_DECLARE(name, suffix, parameters) CUresult(*name) parameters; // NOLINT: not expressions
  LMOPTP_DRIVER_FUNCTIONS(LMOPTP_DECLARE)
#undef LMOPTP_DECLARE
} lmoptp_driver_t;

/* CUDA 11.8 brought cuLaunchKernelEx, the one way to pass a cooperative launch its arguments in one buffer. */
enum { LMOPTP_LOWEST_DRIVER = 11080 };

/* Fills the table and initializes the driver. CPU: no driver, or none that works · ABI: it is too old. On failure
 * nothing is left open. `device`: as the user named it, for the messages. */
lmopt_status_t lmoptp_driver_open(lmoptp_driver_t *driver, const char *device, lmopt_error_t *error);
void lmoptp_driver_close(lmoptp_driver_t *driver);

/* "CUDA_ERROR_NO_DEVICE", or "error 4711": the driver itself may not know it. `text` holds at least 32 bytes. */
const char *lmoptp_driver_error_name(const lmoptp_driver_t *driver, CUresult code, char *text);
/* What the driver says of it; "" where it says nothing. */
const char *lmoptp_driver_error_text(const lmoptp_driver_t *driver, CUresult code);

#ifdef __cplusplus
}
#endif
#endif
