// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// libcuda.so.1 for tests: the driver API over the interpreter. One device, whose memory is host memory; streams are
// synchronous; a graph is a list of launches and copies that is replayed.
//
// What the environment says, looked at in every call:
//   FAKE_CUDA_NO_DEVICE=1            cuInit fails with 100
//   FAKE_CUDA_VERSION=11040          the driver's version, and with it the greatest version of PTX it loads (13000)
//   FAKE_CUDA_MEMORY=BYTES           device memory (8 GiB)
//   FAKE_CUDA_SM=80                  compute capability (90)
//   FAKE_CUDA_FAIL=cuMemAlloc:2:2    the second call of cuMemAlloc fails with code 2; several with commas;
//                                    *:7:2 the seventh call of all that give nothing back
//   FAKE_CUDA_MISSING=cuGraphLaunch  cuGetProcAddress does not find it; several with commas
//   FAKE_CUDA_WITHOUT=95             this attribute of the device is 0; several with commas
//   FAKE_CUDA_STRICT=SEED            launches run in strict mode (Interpreter.h), and what is on a stream as late as
//                                    possible: when somebody waits for it
//
// libcuda-plain.so beside it has no cuGetProcAddress_v2, as drivers before CUDA 12. Inspect.h tells tests what is
// alive.
//
// As on hardware, a fault of a kernel is not told by its launch but by whatever comes after, and it stays: the message
// of the interpreter goes to stderr at once. Wrong arguments of a launch are told by the launch. Tested by
// test/ptx/fake/client.c. Built as build/lib/fake/libcuda.so.1.
#ifndef LMOPT_TEST_PTX_FAKE_DRIVER_H
#define LMOPT_TEST_PTX_FAKE_DRIVER_H

#include "test/ptx/Interpreter.h"
#include "test/ptx/fake/Cuda.h"

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>

#define FAKE_CUDA_API extern "C" __attribute__((visibility("default"))) CUresult

struct CUctx_st {};

struct CUfunc_st {
  CUmodule module;
  std::string name;
  lmopt::ptx::KernelFacts facts;
  uint32_t mostDynamicShared = 49152;
};

struct CUmod_st {
  std::shared_ptr<const lmopt::ptx::Module> module;
  std::vector<std::unique_ptr<CUfunc_st>> functions = {};
};

struct CUgraph_st {
  std::vector<std::function<CUresult()>> nodes;
};
struct CUgraphExec_st {
  std::vector<std::function<CUresult()>> nodes;
  bool isUploaded = false;
};

namespace lmopt::fake {

/// What waits on a stream. An event may outlive its stream, so both hold it.
struct StreamQueue {
  std::deque<std::function<CUresult()>> work;
  uint64_t done = 0;
  uint64_t end() const { return done + work.size(); }
};

} // namespace lmopt::fake

struct CUstream_st {
  std::unique_ptr<CUgraph_st> capture; // what is recorded, if anything is
  std::shared_ptr<lmopt::fake::StreamQueue> queue = std::make_shared<lmopt::fake::StreamQueue>();
};

struct CUevent_st {
  std::shared_ptr<double> milliseconds = std::make_shared<double>(-1); // when it was recorded; negative: never
  std::shared_ptr<lmopt::fake::StreamQueue> queue;                     // of the stream it was recorded on
  uint64_t position = 0;                                               // it is over when so many are done
};

namespace lmopt::fake {

/// Memory that mappings show; it lives until it is released and nobody shows it any more.
struct PhysicalMemory {
  int descriptor = -1;
  size_t size = 0;
  unsigned mappings = 0;
  bool isReleased = false;
};

struct Mapping {
  size_t size = 0;
  CUmemGenericAllocationHandle handle = 0;
};

struct State {
  std::mutex mutex;
  bool isInitialized = false;
  CUresult stickyError = CUDA_SUCCESS;
  ptx::Device device;
  CUctx_st context;
  int contextUses = 0;
  size_t usedBytes = 0;
  std::map<CUdeviceptr, size_t> allocations;  // of cuMemAlloc
  std::set<void *> hostAllocations;           // of cuMemAllocHost
  std::map<CUdeviceptr, size_t> reservations; // of virtual addresses
  std::map<CUdeviceptr, Mapping> mapped;
  std::map<CUmemGenericAllocationHandle, PhysicalMemory> physical;
  CUmemGenericAllocationHandle nextHandle = 1;
  std::map<std::string, unsigned> calls; // while there is FAKE_CUDA_FAIL
  std::map<std::string, unsigned> told;  // of all calls, for fakeCudaCalls
  unsigned allCalls = 0;                 // for "*"
  std::set<CUmodule> modules;
  std::set<CUstream> streams;
  unsigned events = 0, graphs = 0, executables = 0; // alive
  unsigned lateUploads = 0;                         // of graphs, by their first launch
  CUstream_st defaultStream;
  std::vector<std::shared_ptr<StreamQueue>> orphans; // of streams that went before all had run
};
State &state();

size_t memoryLimit();
int driverVersion();
int computeCapability(); // 90
constexpr uint32_t kMultiprocessors = 4;
uint32_t mostSharedBytes(); // of a block, when asked for
uint32_t mostSharedOfAll(); // of a multiprocessor

/// What a call must pass before it does anything: cuInit; a current context; that no kernel has failed.
enum class Needs { Nothing, Initialized, Context, Healthy, HealthyContext };

/// Failures of the environment, initialization, a fault that stays; then `body`. Exceptions become 999.
CUresult call(const char *function, Needs needs, const std::function<CUresult()> &body);

/// Does it now, or later in strict mode, or records it if the stream captures.
CUresult enqueue(CUstream stream, std::function<CUresult()> work);
/// Does what waits up to the position; the first failure, if there is one.
CUresult drain(StreamQueue &queue, uint64_t position);
inline CUresult drain(StreamQueue &queue) { return drain(queue, queue.end()); }
CUresult drainAll();
inline CUstream streamOf(CUstream stream) { return stream ? stream : &state().defaultStream; }

/// Whether device code and copies may touch the range.
bool isDeviceRange(CUdeviceptr address, size_t size);

} // namespace lmopt::fake

#endif // LMOPT_TEST_PTX_FAKE_DRIVER_H
