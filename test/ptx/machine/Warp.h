// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 32 lanes that share instructions: groups of lanes that stand at the same place, the lowest place runs, groups that
// meet become one. Lowest first is the order that brings lanes together again where the program's branches meet, if
// that stands behind the branches; it does not after LLVM has turned a loop. So lanes that come to what a warp does
// together wait there for as long as others of the warp can go on; who passes a barrier by is found.
//
// In: a kernel's code. Out: effects on registers, memory and the block's barriers; a PtxError that names the place.
// Tested by test/ptx/unit/ControlTest.cpp.
#ifndef LMOPT_TEST_PTX_MACHINE_WARP_H
#define LMOPT_TEST_PTX_MACHINE_WARP_H

#include "test/ptx/machine/Instruction.h"
#include "test/ptx/memory/SharedMemory.h"

#include <deque>

namespace lmopt::ptx {

class Block;
class Launch;

struct LaneGroup {
  uint32_t pc = 0, mask = 0;
  uint32_t awaited = 0; // lanes that there were while it waited for them
};

/// One lane's part of a cp.async.
struct PendingCopy {
  uint32_t shared = 0; // offset in the block's shared memory
  uint64_t source = 0;
  uint32_t bytes = 0; // that are copied
  uint32_t size = 0;  // that are written, zeros after the copied ones
};

/// A wgmma.mma_async that is under way, with what it was given when it was issued; without an instruction, the end of a
/// group.
struct PendingProduct {
  const Instruction *instruction = nullptr;
  uint64_t descriptorA = 0, descriptorB = 0;
  std::vector<uint32_t> registersA; // 4 rows, if A is in registers
  uint64_t issued = 0;              // Warp::instructions then
  bool accumulates = false;
  bool isComputed = false; // outside of strict mode at once
};

enum class WarpState : uint8_t { Ready, AtBarrier, Done };

class Warp {
public:
  Warp(Block &block, uint32_t index);

  /// Prepares for a block with `lanes` of this warp's lanes.
  void begin(uint32_t lanes);
  /// Runs until the warp waits, ends or yields, at most `budget` instructions.
  void run(uint64_t budget);
  /// A barrier that it waited at is complete.
  void passBarrier();

  [[noreturn]] void fail(const Instruction &instruction, const std::string &message, int lane = -1) const;
  /// The lanes of the warp that have not ended.
  uint32_t groupMask() const;
  void requireAllLanes(const Instruction &instruction, uint32_t mask) const;

  // What synchronization does to what the warp knows.
  void tick();
  void learn(const Knowledge &other);
  void refreshObserver();
  uint32_t agentInGrid() const; // from 1

  Block &block;
  Launch &launch;
  const uint32_t index;
  uint32_t *registers = nullptr; // 32 lanes of 32 bits a slot
  std::vector<uint32_t> written; // lanes that hold a value, a slot
  std::vector<uint64_t> stamps;  // instruction that wrote a slot last; only if the kernel uses wgmma
  uint64_t instructions = 0;     // that this warp has run

  WarpState state = WarpState::Done;
  bool yielded = false;
  uint32_t barrier = 0, barrierThreads = 0;
  std::vector<LaneGroup> groups;

  Knowledge knowledge;
  Observer observer;
  Knowledge fencedRelease, relaxedAcquire; // of relaxed accesses that a fence makes release or acquire
  bool hasFencedRelease = false;

  std::vector<PendingCopy> openCopies;
  std::deque<std::vector<PendingCopy>> committedCopies;
  std::deque<PendingProduct> products;
  uint64_t wgmmaFence = 0; // `instructions` at the last wgmma.fence

private:
  void step(uint32_t current);
  size_t nextGroup();
  uint32_t activeLanes(const Instruction &instruction, uint32_t mask);
  void checkReads(const Instruction &instruction, uint32_t mask);
  void branch(size_t current, const Instruction &instruction, uint32_t mask);
  void indexedBranch(size_t current, const Instruction &instruction, uint32_t mask);
  void leave(size_t current, uint32_t mask);
  void arrive(size_t current, const Instruction &instruction);
  void mergeGroups();
  void setSpecials();
  void stamp(const Instruction &instruction);

  std::vector<uint32_t> storage;
};

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_MACHINE_WARP_H
