// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block of warps with its shared and local memory, barriers, mbarriers and bulk copies.
//
// A Block object runs one block of the grid after another. Source: PTX ISA, sections on bar, mbarrier and
// cp.async.bulk. Tested by test/ptx/unit/BarrierTest.cpp and AsyncTest.cpp.
#ifndef LMOPT_TEST_PTX_MACHINE_BLOCK_H
#define LMOPT_TEST_PTX_MACHINE_BLOCK_H

#include "test/ptx/machine/Warp.h"
#include "test/ptx/memory/StoreBuffer.h"

namespace lmopt::ptx {

constexpr uint32_t kBarriers = 16;
/// The bits that an mbarrier's counts have. PTX ISA, "Contents of the mbarrier object".
constexpr int64_t kMostArrivals = (1 << 20) - 1;

struct Mbarrier {
  int64_t expected = 0;     // arrivals of a phase
  int64_t pending = 0;      // arrivals that this phase still waits for
  int64_t transactions = 0; // bytes that are expected and have not arrived
  uint32_t phase = 0;       // phases that are complete
  Knowledge arriving;       // of those who arrived in this phase
  Knowledge complete;       // of those who arrived in phases before
};

struct BulkCopy {
  uint32_t shared = 0; // offset
  uint64_t source = 0;
  uint32_t bytes = 0;
  uint32_t mbarrier = 0; // offset
};

/// Barrier of bar.sync; arrivals by bar.arrive are counted as they come.
struct NamedBarrier {
  uint32_t arrivedThreads = 0; // of warps that do not wait
  Knowledge arrived;
  uint32_t predicateCount = 0; // of bar.red
  bool isAll = true, isAny = false;
};

class Block {
public:
  Block(Launch &launch, uint32_t warps);

  void begin(uint64_t linearIndex);
  bool isDone() const { return done; }
  /// Lets every warp run once; completes barriers.
  void turn();

  // mbarriers, by offset in shared memory.
  Mbarrier &mbarrierAt(Warp &warp, const Instruction &instruction, uint32_t offset);
  void completeTransactions(uint32_t offset, int64_t bytes);
  void checkPhase(Mbarrier &mbarrier);
  /// Carries out what is under way for this mbarrier.
  void deliver(uint32_t mbarrier);
  void start(Warp &warp, const BulkCopy &copy);
  bool hasCopiesFor(uint32_t mbarrier) const;

  Launch &launch;
  uint64_t linearIndex = 0;
  std::array<uint32_t, 3> index{};
  SharedMemory shared;
  std::vector<uint8_t> local; // localBytes of each thread
  std::vector<uint8_t> localWritten;
  StoreBuffer stores;
  std::vector<std::unique_ptr<Warp>> warps;
  std::map<uint32_t, Mbarrier> mbarriers;
  std::vector<BulkCopy> copies;
  std::array<NamedBarrier, kBarriers> barriers;
  uint32_t asyncClock = 0; // of the agent that carries out bulk copies

private:
  bool completeBarriers();
  bool completeBarrier(uint32_t id);
  uint32_t liveThreads() const;
  void finish();
  std::vector<uint32_t> warpOrder();

  bool done = true;
  uint32_t lastClock = 0; // the greatest of the block before
};

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_MACHINE_BLOCK_H
