// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The shared memory of one block, with a shadow of each byte: who wrote it last, and the last two who read it.
//
// In: accesses of warps with what they know. Out: nullptr, or what is wrong with the access. Two readers and not all of
// them are kept: a race may go unseen when three warps read and the write is ordered after the last two only; what is
// reported is always a race. Cost: 12 bytes of shadow a byte; one compare of vectors for an access that is ordered
// after everything. Tested by test/ptx/unit/RaceTest.cpp.
#ifndef LMOPT_TEST_PTX_MEMORY_SHAREDMEMORY_H
#define LMOPT_TEST_PTX_MEMORY_SHAREDMEMORY_H

#include "test/ptx/memory/Clocks.h"

namespace lmopt::ptx {

/// A warp as the shadow sees it.
struct Observer {
  uint32_t agent = 0;
  const Knowledge *knowledge = nullptr;
  uint32_t ordered = 0; // every epoch up to this one is known, whoever's it is

  uint32_t epoch() const { return makeEpoch(agent, knowledge->own[agent]); }
  bool knows(uint32_t epoch) const {
    return agentOf(epoch) == agent || clockOf(epoch) <= knowledge->own[agentOf(epoch)];
  }
};

class SharedMemory {
public:
  /// Begins a block whose clocks are all greater than `baseClock`. Poisons the bytes.
  void begin(uint32_t size, uint32_t baseClock);

  uint32_t size() const { return static_cast<uint32_t>(bytes.size()); }
  uint8_t *at(uint32_t offset) { return bytes.data() + offset; }

  const char *read(const Observer &who, uint32_t offset, uint32_t size, bool races, bool uninitialized);
  const char *write(const Observer &who, uint32_t offset, uint32_t size, bool races);
  /// Of a read by wgmma: what warps wrote must have passed a proxy fence.
  const char *checkFence(const Observer &who, uint32_t offset, uint32_t size);
  /// Sets the writer without asking: when asynchronous data has arrived.
  void setWriter(uint32_t offset, uint32_t size, uint32_t epoch);

private:
  const char *readSlowly(const Observer &who, uint32_t offset, uint32_t size, bool uninitialized);
  const char *writeSlowly(const Observer &who, uint32_t offset, uint32_t size);
  void addReader(const Observer &who, uint32_t byte);

  std::vector<uint8_t> bytes;
  std::vector<uint32_t> writer, reader, earlierReader; // epochs
  uint32_t base = 0;                                   // the greatest epoch before this block
};

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_MEMORY_SHAREDMEMORY_H
