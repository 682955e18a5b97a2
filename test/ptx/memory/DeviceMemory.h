// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Global memory: which ranges exist, which of their bytes have been written, and who touched them in this launch.
//
// Device memory is host memory: an address is a pointer. Every access is looked up in the list of allocations, so an
// address outside is found and never followed. A shadow says for each 16 bytes the last writer and the last reader of
// the running launch (agent, clock, bytes) and all bytes written in it. What is forgotten (an older reader of the same
// 16 bytes) can hide a race; what is reported is one. Shadow pages exist only where a launch has been: 24 bytes for 16.
// Tested by test/ptx/unit/RaceTest.cpp and MemoryTest.cpp.
#ifndef LMOPT_TEST_PTX_MEMORY_DEVICEMEMORY_H
#define LMOPT_TEST_PTX_MEMORY_DEVICEMEMORY_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace lmopt::ptx {

constexpr uint32_t kGranule = 16;
constexpr uint32_t kShadowPage = 4096;

/// Weak accesses, and those that may meet others of their kind at one address: relaxed, acquire, release, volatile.
enum class AccessKind : uint8_t { Read, ReadOnly, Write, AtomicRead, AtomicWrite, AtomicUpdate };
inline bool isWrite(AccessKind kind) {
  return kind == AccessKind::Write || kind == AccessKind::AtomicWrite || kind == AccessKind::AtomicUpdate;
}
inline bool isAtomic(AccessKind kind) { return kind >= AccessKind::AtomicRead; }
inline bool needsValue(AccessKind kind) { return kind != AccessKind::Write && kind != AccessKind::AtomicWrite; }

/// An agent is a warp of the grid, from 1; 0 is nobody.
struct GranuleShadow {
  uint32_t writer = 0, writerClock = 0, reader = 0, readerClock = 0;
  uint16_t writerMask = 0, readerMask = 0;
  uint16_t written = 0;  // by anybody in this launch
  uint16_t isAtomic = 0; // the last write
};

struct ShadowPage {
  uint64_t launch = 0;
  GranuleShadow granules[kShadowPage / kGranule];
};

struct Allocation {
  uint64_t base = 0, size = 0;
  bool isConstant = false;
  std::vector<uint64_t> initialized; // one bit a byte
  std::vector<std::unique_ptr<ShadowPage>> pages;
};

class DeviceMemory {
public:
  void add(const void *base, uint64_t size, bool isInitialized, bool isConstant = false);
  void remove(const void *base);
  /// The allocation that holds the whole range, or nullptr.
  Allocation *find(uint64_t address, uint64_t size) {
    if (last && address >= last->base && size <= last->size && address - last->base <= last->size - size)
      return last;
    return search(address, size);
  }
  bool contains(uint64_t address, uint64_t size) { return find(address, size) != nullptr; }
  void markInitialized(uint64_t address, uint64_t size);
  /// Forgets who touched what.
  void beginLaunch() { ++launch; }

  static bool isInitialized(const Allocation &allocation, uint64_t offset, uint64_t size);
  static void setInitialized(Allocation &allocation, uint64_t offset, uint64_t size);
  /// The shadow of the 16 bytes at `offset`, empty if this launch has not been there.
  GranuleShadow &granule(Allocation &allocation, uint64_t offset);

private:
  Allocation *search(uint64_t address, uint64_t size);

  std::map<uint64_t, Allocation> allocations;
  Allocation *last = nullptr;
  uint64_t launch = 1;
};

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_MEMORY_DEVICEMEMORY_H
