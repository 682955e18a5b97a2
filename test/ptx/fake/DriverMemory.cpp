// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory: allocations, copies, pinned host memory, virtual addresses. Fresh device memory has no value: a kernel that
// reads it is told so. Described in Driver.h.
#include "test/ptx/fake/Driver.h"

#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace lmopt::fake;

namespace {
constexpr size_t kAlignment = 512;
constexpr size_t kPage = size_t(2) << 20;

void *pointerOf(CUdeviceptr address) { return reinterpret_cast<void *>(address); }
size_t roundUp(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }
} // namespace

bool lmopt::fake::isDeviceRange(CUdeviceptr address, size_t size) {
  while (size > 0) {
    lmopt::ptx::Allocation *found = state().device.memory.find(address, 1);
    if (!found)
      return false;
    size_t part = std::min<size_t>(size, found->base + found->size - address);
    address += part;
    size -= part;
  }
  return true;
}

static void markInitialized(CUdeviceptr address, size_t size) {
  while (size > 0) {
    lmopt::ptx::Allocation *found = state().device.memory.find(address, 1);
    size_t part = std::min<size_t>(size, found->base + found->size - address);
    state().device.memory.markInitialized(address, part);
    address += part;
    size -= part;
  }
}

FAKE_CUDA_API cuMemGetInfo_v2(size_t *free, size_t *total) {
  return call("cuMemGetInfo_v2", Needs::HealthyContext, [&] {
    *total = memoryLimit();
    *free = *total - std::min(*total, state().usedBytes);
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuMemAlloc_v2(CUdeviceptr *address, size_t size) {
  return call("cuMemAlloc_v2", Needs::HealthyContext, [&] {
    if (size == 0)
      return CUDA_ERROR_INVALID_VALUE;
    if (size > memoryLimit() || state().usedBytes > memoryLimit() - size)
      return CUDA_ERROR_OUT_OF_MEMORY;
    // The gap behind it makes sure that no two allocations are neighbours.
    void *memory = std::aligned_alloc(kAlignment, roundUp(size, kAlignment) + kAlignment);
    if (!memory)
      return CUDA_ERROR_OUT_OF_MEMORY;
    std::memset(memory, 0xff, size);
    state().device.memory.add(memory, size, false);
    *address = reinterpret_cast<CUdeviceptr>(memory);
    state().allocations[*address] = size;
    state().usedBytes += size;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuMemFree_v2(CUdeviceptr address) {
  return call("cuMemFree_v2", Needs::Context, [&] {
    auto found = state().allocations.find(address);
    if (found == state().allocations.end())
      return CUDA_ERROR_INVALID_VALUE;
    state().usedBytes -= found->second;
    state().device.memory.remove(pointerOf(address));
    std::free(pointerOf(address));
    state().allocations.erase(found);
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuMemAllocHost_v2(void **memory, size_t size) {
  return call("cuMemAllocHost_v2", Needs::HealthyContext, [&] {
    *memory = size ? std::aligned_alloc(4096, roundUp(size, 4096) + 4096) : nullptr;
    if (!*memory)
      return size ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_ERROR_INVALID_VALUE;
    std::memset(*memory, 0, size);
    state().device.memory.add(*memory, size, true);
    state().hostAllocations.insert(*memory);
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuMemFreeHost(void *memory) {
  return call("cuMemFreeHost", Needs::Context, [&] {
    if (!state().hostAllocations.erase(memory))
      return CUDA_ERROR_INVALID_VALUE;
    state().device.memory.remove(memory);
    std::free(memory);
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuMemHostRegister_v2(void *memory, size_t size, unsigned) {
  return call("cuMemHostRegister_v2", Needs::HealthyContext, [&] {
    if (!memory || size == 0)
      return CUDA_ERROR_INVALID_VALUE;
    state().device.memory.add(memory, size, true);
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuMemHostUnregister(void *memory) {
  return call("cuMemHostUnregister", Needs::Context, [&] {
    state().device.memory.remove(memory);
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuMemHostGetDevicePointer_v2(CUdeviceptr *address, void *memory, unsigned) {
  return call("cuMemHostGetDevicePointer_v2", Needs::HealthyContext, [&] {
    *address = reinterpret_cast<CUdeviceptr>(memory);
    return isDeviceRange(*address, 1) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

// ---- copies

static CUresult copyIn(CUdeviceptr into, const void *from, size_t size) {
  if (!isDeviceRange(into, size))
    return CUDA_ERROR_INVALID_VALUE;
  std::memcpy(pointerOf(into), from, size);
  markInitialized(into, size);
  return CUDA_SUCCESS;
}

static CUresult copyOut(void *into, CUdeviceptr from, size_t size) {
  if (!isDeviceRange(from, size))
    return CUDA_ERROR_INVALID_VALUE;
  std::memcpy(into, pointerOf(from), size);
  return CUDA_SUCCESS;
}

static CUresult fill(CUdeviceptr into, uint8_t value, size_t size) {
  if (!isDeviceRange(into, size))
    return CUDA_ERROR_INVALID_VALUE;
  std::memset(pointerOf(into), value, size);
  markInitialized(into, size);
  return CUDA_SUCCESS;
}

static CUresult copyWithin(CUdeviceptr into, CUdeviceptr from, size_t size) {
  return isDeviceRange(from, size) ? copyIn(into, pointerOf(from), size) : CUDA_ERROR_INVALID_VALUE;
}

/// What does not go through a stream waits for the default one.
template <class Copy>
static CUresult afterDefaultStream(Copy copy) {
  CUresult failed = drain(*state().defaultStream.queue);
  failed = failed ? failed : state().stickyError;
  return failed ? failed : copy();
}

FAKE_CUDA_API cuMemcpyHtoD_v2(CUdeviceptr into, const void *from, size_t size) {
  return call("cuMemcpyHtoD_v2", Needs::HealthyContext,
              [&] { return afterDefaultStream([&] { return copyIn(into, from, size); }); });
}
FAKE_CUDA_API cuMemcpyDtoH_v2(void *into, CUdeviceptr from, size_t size) {
  return call("cuMemcpyDtoH_v2", Needs::HealthyContext,
              [&] { return afterDefaultStream([&] { return copyOut(into, from, size); }); });
}
FAKE_CUDA_API cuMemcpyHtoDAsync_v2(CUdeviceptr into, const void *from, size_t size, CUstream stream) {
  return call("cuMemcpyHtoDAsync_v2", Needs::HealthyContext,
              [&] { return enqueue(stream, [=] { return copyIn(into, from, size); }); });
}
FAKE_CUDA_API cuMemcpyDtoHAsync_v2(void *into, CUdeviceptr from, size_t size, CUstream stream) {
  return call("cuMemcpyDtoHAsync_v2", Needs::HealthyContext,
              [&] { return enqueue(stream, [=] { return copyOut(into, from, size); }); });
}
FAKE_CUDA_API cuMemcpyDtoDAsync_v2(CUdeviceptr into, CUdeviceptr from, size_t size, CUstream stream) {
  return call("cuMemcpyDtoDAsync_v2", Needs::HealthyContext,
              [&] { return enqueue(stream, [=] { return copyWithin(into, from, size); }); });
}
FAKE_CUDA_API cuMemsetD8_v2(CUdeviceptr into, unsigned char value, size_t size) {
  return call("cuMemsetD8_v2", Needs::HealthyContext,
              [&] { return afterDefaultStream([&] { return fill(into, value, size); }); });
}
FAKE_CUDA_API cuMemsetD8Async(CUdeviceptr into, unsigned char value, size_t size, CUstream stream) {
  return call("cuMemsetD8Async", Needs::HealthyContext,
              [&] { return enqueue(stream, [=] { return fill(into, value, size); }); });
}

// ---- virtual addresses

/// Memory of this device that stays where it is: all there is here.
static bool isOfDevice(const CUmemAllocationProp *properties) {
  return properties && properties->type == CU_MEM_ALLOCATION_TYPE_PINNED && properties->requestedHandleTypes == 0 &&
         properties->location.type == CU_MEM_LOCATION_TYPE_DEVICE && properties->location.id == 0;
}

FAKE_CUDA_API cuMemGetAllocationGranularity(size_t *granularity, const CUmemAllocationProp *properties, int) {
  return call("cuMemGetAllocationGranularity", Needs::Initialized, [&] {
    *granularity = kPage;
    return isOfDevice(properties) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

FAKE_CUDA_API cuMemAddressReserve(CUdeviceptr *address, size_t size, size_t, CUdeviceptr, unsigned long long) {
  return call("cuMemAddressReserve", Needs::Healthy, [&] {
    if (size == 0 || size % kPage)
      return CUDA_ERROR_INVALID_VALUE;
    void *memory = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
      return CUDA_ERROR_OUT_OF_MEMORY;
    *address = reinterpret_cast<CUdeviceptr>(memory);
    state().reservations[*address] = size;
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuMemAddressFree(CUdeviceptr address, size_t size) {
  return call("cuMemAddressFree", Needs::Initialized, [&] {
    auto found = state().reservations.find(address);
    if (found == state().reservations.end() || found->second != size)
      return CUDA_ERROR_INVALID_VALUE;
    munmap(pointerOf(address), size);
    state().reservations.erase(found);
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuMemCreate(CUmemGenericAllocationHandle *handle, size_t size, const CUmemAllocationProp *properties,
                          unsigned long long) {
  return call("cuMemCreate", Needs::Healthy, [&] {
    if (size == 0 || size % kPage || !isOfDevice(properties))
      return CUDA_ERROR_INVALID_VALUE;
    if (size > memoryLimit() || state().usedBytes > memoryLimit() - size)
      return CUDA_ERROR_OUT_OF_MEMORY;
    int descriptor = memfd_create("fake-cuda", MFD_CLOEXEC);
    if (descriptor < 0 || ftruncate(descriptor, static_cast<off_t>(size)) != 0)
      return CUDA_ERROR_OUT_OF_MEMORY;
    *handle = state().nextHandle++;
    state().physical[*handle] = {descriptor, size, 0, false};
    state().usedBytes += size;
    return CUDA_SUCCESS;
  });
}

static void dropIfUnused(CUmemGenericAllocationHandle handle) {
  auto found = state().physical.find(handle);
  if (found == state().physical.end() || !found->second.isReleased || found->second.mappings)
    return;
  close(found->second.descriptor);
  state().usedBytes -= found->second.size;
  state().physical.erase(found);
}

FAKE_CUDA_API cuMemRelease(CUmemGenericAllocationHandle handle) {
  return call("cuMemRelease", Needs::Initialized, [&] {
    auto found = state().physical.find(handle);
    if (found == state().physical.end() || found->second.isReleased)
      return CUDA_ERROR_INVALID_VALUE;
    found->second.isReleased = true;
    dropIfUnused(handle);
    return CUDA_SUCCESS;
  });
}

static bool isReserved(CUdeviceptr address, size_t size) {
  auto next = state().reservations.upper_bound(address);
  if (next == state().reservations.begin())
    return false;
  auto &[base, length] = *std::prev(next);
  return size <= length && address - base <= length - size;
}

FAKE_CUDA_API cuMemMap(CUdeviceptr address, size_t size, size_t offset, CUmemGenericAllocationHandle handle,
                       unsigned long long) {
  return call("cuMemMap", Needs::Healthy, [&] {
    auto found = state().physical.find(handle);
    if (found == state().physical.end() || offset + size > found->second.size || !isReserved(address, size) ||
        state().mapped.count(address))
      return CUDA_ERROR_INVALID_VALUE;
    void *memory = mmap(pointerOf(address), size, PROT_NONE, MAP_SHARED | MAP_FIXED, found->second.descriptor,
                        static_cast<off_t>(offset));
    if (memory == MAP_FAILED)
      return CUDA_ERROR_OUT_OF_MEMORY;
    state().mapped[address] = {size, handle};
    ++found->second.mappings;
    return CUDA_SUCCESS;
  });
}

/// Only now may anybody touch it.
FAKE_CUDA_API cuMemSetAccess(CUdeviceptr address, size_t size, const CUmemAccessDesc *access, size_t count) {
  return call("cuMemSetAccess", Needs::Healthy, [&] {
    if (count != 1 || access->location.type != CU_MEM_LOCATION_TYPE_DEVICE || access->location.id != 0 ||
        access->flags != CU_MEM_ACCESS_FLAGS_PROT_READWRITE)
      return CUDA_ERROR_INVALID_VALUE;
    for (CUdeviceptr at = address; at < address + size;) {
      auto found = state().mapped.find(at);
      if (found == state().mapped.end())
        return CUDA_ERROR_INVALID_VALUE;
      if (mprotect(pointerOf(at), found->second.size, PROT_READ | PROT_WRITE) != 0)
        return CUDA_ERROR_UNKNOWN;
      if (!state().device.memory.contains(at, 1))
        state().device.memory.add(pointerOf(at), found->second.size, false);
      at += found->second.size;
    }
    return CUDA_SUCCESS;
  });
}

FAKE_CUDA_API cuMemUnmap(CUdeviceptr address, size_t size) {
  return call("cuMemUnmap", Needs::Initialized, [&] {
    for (CUdeviceptr at = address; at < address + size;) {
      auto found = state().mapped.find(at);
      if (found == state().mapped.end())
        return CUDA_ERROR_INVALID_VALUE;
      state().device.memory.remove(pointerOf(at));
      Mapping mapping = found->second;
      mmap(pointerOf(at), mapping.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
      state().mapped.erase(found);
      --state().physical.at(mapping.handle).mappings;
      dropIfUnused(mapping.handle);
      at += mapping.size;
    }
    return CUDA_SUCCESS;
  });
}
