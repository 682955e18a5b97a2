// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The environment, initialization, the device and its context, errors, and finding functions by name.
// Described in Driver.h.
#include "test/ptx/fake/Driver.h"
#include "test/ptx/fake/Inspect.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace lmopt::fake;

State &lmopt::fake::state() {
  static auto *theState = new State; // lives as long as the process: handles may be used in destructors
  return *theState;
}

static uint64_t environmentNumber(const char *name, uint64_t otherwise) {
  const char *text = std::getenv(name);
  return text && *text ? std::strtoull(text, nullptr, 0) : otherwise;
}

size_t lmopt::fake::memoryLimit() { return environmentNumber("FAKE_CUDA_MEMORY", size_t(8) << 30); }
int lmopt::fake::driverVersion() { return static_cast<int>(environmentNumber("FAKE_CUDA_VERSION", 13000)); }
int lmopt::fake::computeCapability() { return static_cast<int>(environmentNumber("FAKE_CUDA_SM", 90)); }
uint32_t lmopt::fake::mostSharedBytes() { return (computeCapability() >= 90 ? 227 : 163) * 1024; }
uint32_t lmopt::fake::mostSharedOfAll() { return (computeCapability() >= 90 ? 228 : 164) * 1024; }

static std::vector<std::string> environmentList(const char *name) {
  std::vector<std::string> entries;
  const char *text = std::getenv(name);
  for (std::string rest = text ? text : ""; !rest.empty();) {
    entries.push_back(rest.substr(0, rest.find(',')));
    rest.erase(0, entries.back().size() + 1);
  }
  return entries;
}

/// Calls that give something back, and what they need for it: "*" does not count them, because nobody can do anything
/// about their failure.
static bool givesBack(const std::string &name) {
  for (const char *part :
       {"Free", "Destroy", "Release", "Unmap", "Unload", "Unregister", "PushCurrent", "PopCurrent", "EndCapture"})
    if (name.find(part) != std::string::npos)
      return true;
  return false;
}

static std::string withoutVersion(const std::string &function) { return function.substr(0, function.rfind("_v2")); }

/// The code with which this call is to fail, or 0. Names count with and without "_v2".
static CUresult injectedFailure(const std::string &function) {
  std::vector<std::string> entries = environmentList("FAKE_CUDA_FAIL");
  if (entries.empty())
    return CUDA_SUCCESS;
  std::string base = withoutVersion(function);
  unsigned seen = ++state().calls[base], seenOfAll = givesBack(base) ? 0 : ++state().allCalls;
  for (const std::string &entry : entries) {
    size_t first = entry.find(':'), second = entry.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos)
      continue;
    std::string name = entry.substr(0, first);
    unsigned long which = std::strtoul(entry.c_str() + first + 1, nullptr, 10);
    if (((name == base || name == function) && which == seen) || (name == "*" && which == seenOfAll))
      return static_cast<CUresult>(std::strtol(entry.c_str() + second + 1, nullptr, 10));
  }
  return CUDA_SUCCESS;
}

/// The contexts that are current in this thread, the last one first in line.
static std::vector<CUcontext> &contextStack() {
  static thread_local std::vector<CUcontext> stack;
  return stack;
}

static bool hasContext() {
  return state().contextUses > 0 && !contextStack().empty() && contextStack().back() == &state().context;
}

static CUresult unmetNeed(Needs needs) {
  if (needs != Needs::Nothing && !state().isInitialized)
    return CUDA_ERROR_NOT_INITIALIZED;
  if ((needs == Needs::Context || needs == Needs::HealthyContext) && !hasContext())
    return CUDA_ERROR_INVALID_CONTEXT;
  return needs == Needs::Healthy || needs == Needs::HealthyContext ? state().stickyError : CUDA_SUCCESS;
}

CUresult lmopt::fake::call(const char *function, Needs needs, const std::function<CUresult()> &body) {
  std::lock_guard<std::mutex> lock(state().mutex);
  ++state().told[withoutVersion(function)];
  if (CUresult failure = injectedFailure(function))
    return failure;
  if (CUresult unmet = unmetNeed(needs))
    return unmet;
  try {
    return body();
  } catch (const std::bad_alloc &) {
    return CUDA_ERROR_OUT_OF_MEMORY;
  } catch (...) {
    return CUDA_ERROR_UNKNOWN;
  }
}

FAKE_CUDA_API cuInit(unsigned flags) {
  return call("cuInit", Needs::Nothing, [&] {
    if (flags)
      return CUDA_ERROR_INVALID_VALUE;
    if (std::getenv("FAKE_CUDA_NO_DEVICE"))
      return CUDA_ERROR_NO_DEVICE;
    state().isInitialized = true;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuDriverGetVersion(int *version) {
  return call("cuDriverGetVersion", Needs::Nothing, [&] {
    *version = driverVersion();
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuDeviceGetCount(int *count) {
  return call("cuDeviceGetCount", Needs::Initialized, [&] {
    *count = 1;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuDeviceGet(CUdevice *device, int ordinal) {
  return call("cuDeviceGet", Needs::Initialized, [&] {
    *device = 0;
    return ordinal == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
  });
}

FAKE_CUDA_API cuDeviceGetName(char *name, int size, CUdevice device) {
  return call("cuDeviceGetName", Needs::Initialized, [&] {
    if (device != 0 || size <= 0)
      return CUDA_ERROR_INVALID_VALUE;
    std::string text = "PTX interpreter";
    text.resize(std::min(text.size(), static_cast<size_t>(size) - 1));
    std::memcpy(name, text.c_str(), text.size() + 1);
    return CUDA_SUCCESS;
  });
}

/// -1: no such attribute here.
static int attributeValue(int attribute) {
  switch (attribute) {
  case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    return 1024;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK:
    return 49152;
  case CU_DEVICE_ATTRIBUTE_WARP_SIZE:
    return 32;
  case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK:
    return 65536;
  case CU_DEVICE_ATTRIBUTE_CLOCK_RATE:
  case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE:
    return 1000000; // kHz
  case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
    return kMultiprocessors;
  case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH:
    return 512;
  case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE:
    return 1 << 20;
  case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR:
    return 2048;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
    return computeCapability() / 10;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
    return computeCapability() % 10;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
    return static_cast<int>(mostSharedOfAll());
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
    return static_cast<int>(mostSharedBytes());
  case CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH:
  case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
  case CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED:
    return 1;
  default:
    return -1;
  }
}

FAKE_CUDA_API cuDeviceGetAttribute(int *value, int attribute, CUdevice device) {
  return call("cuDeviceGetAttribute", Needs::Initialized, [&] {
    auto hidden = environmentList("FAKE_CUDA_WITHOUT");
    bool isHidden = std::find(hidden.begin(), hidden.end(), std::to_string(attribute)) != hidden.end();
    *value = isHidden ? 0 : attributeValue(attribute);
    return device == 0 && *value >= 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

FAKE_CUDA_API cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  return call("cuDeviceTotalMem_v2", Needs::Initialized, [&] {
    *bytes = memoryLimit();
    return device == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
  });
}

FAKE_CUDA_API cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  return call("cuDevicePrimaryCtxRetain", Needs::Healthy, [&] {
    if (device != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    ++state().contextUses;
    *context = &state().context;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  return call("cuDevicePrimaryCtxRelease_v2", Needs::Initialized, [&] {
    if (device != 0 || state().contextUses == 0)
      return CUDA_ERROR_INVALID_CONTEXT;
    --state().contextUses;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuCtxSetCurrent(CUcontext context) {
  return call("cuCtxSetCurrent", Needs::Initialized, [&] {
    if (context && context != &state().context)
      return CUDA_ERROR_INVALID_CONTEXT;
    if (!contextStack().empty())
      contextStack().pop_back();
    if (context)
      contextStack().push_back(context);
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuCtxPushCurrent_v2(CUcontext context) {
  return call("cuCtxPushCurrent_v2", Needs::Initialized, [&] {
    if (context != &state().context || state().contextUses == 0)
      return CUDA_ERROR_INVALID_CONTEXT;
    contextStack().push_back(context);
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuCtxPopCurrent_v2(CUcontext *context) {
  return call("cuCtxPopCurrent_v2", Needs::Initialized, [&] {
    if (contextStack().empty())
      return CUDA_ERROR_INVALID_CONTEXT;
    if (context)
      *context = contextStack().back();
    contextStack().pop_back();
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuCtxGetCurrent(CUcontext *context) {
  return call("cuCtxGetCurrent", Needs::Initialized, [&] {
    *context = contextStack().empty() ? nullptr : contextStack().back();
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuCtxSynchronize() {
  return call("cuCtxSynchronize", Needs::HealthyContext, [] {
    for (CUstream stream : state().streams)
      if (stream->capture)
        return static_cast<CUresult>(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    CUresult failed = drainAll();
    return failed ? failed : state().stickyError;
  });
}

namespace {
struct ErrorRow {
  CUresult code;
  const char *name, *text;
};
} // namespace

static constexpr ErrorRow kErrors[] = {
    {CUDA_SUCCESS, "CUDA_SUCCESS", "no error"},
    {CUDA_ERROR_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {CUDA_ERROR_NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {CUDA_ERROR_STUB_LIBRARY, "CUDA_ERROR_STUB_LIBRARY", "CUDA driver is a stub library"},
    {CUDA_ERROR_DEVICE_UNAVAILABLE, "CUDA_ERROR_DEVICE_UNAVAILABLE",
     "CUDA-capable device(s) is/are busy or unavailable"},
    {CUDA_ERROR_NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {CUDA_ERROR_INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {CUDA_ERROR_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {CUDA_ERROR_NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution"},
    {CUDA_ERROR_INVALID_PTX, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
     "the provided PTX was compiled with an unsupported toolchain"},
    {CUDA_ERROR_JIT_COMPILER_NOT_FOUND, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND", "PTX JIT compiler library not found"},
    {CUDA_ERROR_NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {CUDA_ERROR_INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {CUDA_ERROR_NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {CUDA_ERROR_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {CUDA_ERROR_LAUNCH_TIMEOUT, "CUDA_ERROR_LAUNCH_TIMEOUT", "the launch timed out and was terminated"},
    {CUDA_ERROR_LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE",
     "too many blocks in cooperative launch"},
    {CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
     "operation not permitted when stream is capturing"},
    {CUDA_ERROR_UNKNOWN, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

static const ErrorRow *findError(CUresult code) {
  for (const ErrorRow &row : kErrors)
    if (row.code == code)
      return &row;
  return nullptr;
}

FAKE_CUDA_API cuGetErrorName(CUresult code, const char **name) {
  const ErrorRow *row = findError(code);
  *name = row ? row->name : nullptr;
  return row ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

FAKE_CUDA_API cuGetErrorString(CUresult code, const char **text) {
  const ErrorRow *row = findError(code);
  *text = row ? row->text : nullptr;
  return row ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/// The newest form of a function: "cuMemAlloc" is cuMemAlloc_v2.
static void *findFunction(const char *name) {
  Dl_info self;
  if (!dladdr(reinterpret_cast<void *>(&findFunction), &self))
    return nullptr;
  void *library = dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  if (!library)
    return nullptr;
  void *found = dlsym(library, (std::string(name) + "_v2").c_str());
  found = found ? found : dlsym(library, name);
  dlclose(library);
  return found;
}

FAKE_CUDA_API cuGetProcAddress_v2(const char *name, void **function, int, uint64_t, int *status) {
  return call("cuGetProcAddress_v2", Needs::Nothing, [&] {
    auto missing = environmentList("FAKE_CUDA_MISSING");
    bool isMissing = std::find(missing.begin(), missing.end(), name) != missing.end();
    *function = isMissing ? nullptr : findFunction(name);
    if (status)
      *status = *function ? 0 : 1; // CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND
    return *function ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
  });
}

// ---- for tests

void fakeCudaInspect(FakeCudaLive *live) {
  std::lock_guard<std::mutex> lock(state().mutex);
  const State &s = state();
  *live = {s.usedBytes,
           static_cast<unsigned>(s.contextUses),
           static_cast<unsigned>(contextStack().size()),
           static_cast<unsigned>(s.allocations.size()),
           static_cast<unsigned>(s.hostAllocations.size()),
           static_cast<unsigned>(s.reservations.size()),
           static_cast<unsigned>(s.mapped.size()),
           static_cast<unsigned>(s.physical.size()),
           static_cast<unsigned>(s.modules.size()),
           static_cast<unsigned>(s.streams.size()),
           s.events,
           s.graphs,
           s.executables,
           s.lateUploads};
}

unsigned fakeCudaCalls(const char *function) {
  std::lock_guard<std::mutex> lock(state().mutex);
  auto found = state().told.find(function);
  return found == state().told.end() ? 0 : found->second;
}

void fakeCudaForget(void) {
  std::lock_guard<std::mutex> lock(state().mutex);
  state().isInitialized = state().isInitialized && state().contextUses > 0;
  state().stickyError = CUDA_SUCCESS;
  state().calls.clear();
  state().told.clear();
  state().allCalls = 0;
  state().lateUploads = 0;
}
