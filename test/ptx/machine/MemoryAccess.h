// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Addresses of a warp's lanes -> pointers, with every check, and the counters of an access.
//
// In: an instruction, its lanes, their addresses. Out: a host pointer for each lane; PtxError for an address outside, a
// misaligned one, bytes without a value, a race, ld.global.nc of what the launch has written.
// Lanes with neighbouring addresses are checked together. Source: PTX ISA, chapters "State Spaces" and "Memory
// Consistency Model". Tested by test/ptx/unit/MemoryTest.cpp and RaceTest.cpp.
#ifndef LMOPT_TEST_PTX_MACHINE_MEMORYACCESS_H
#define LMOPT_TEST_PTX_MACHINE_MEMORYACCESS_H

#include "test/ptx/machine/Launch.h"

namespace lmopt::ptx {

void laneAddresses(Warp &warp, const AddressOperand &operand, uint64_t *addresses);

class MemoryAccess {
public:
  MemoryAccess(Warp &warp, const Instruction &instruction, uint32_t bytes, AccessKind kind)
      : warp(warp), instruction(instruction), bytes(bytes), kind(kind) {}

  /// Fills `pointers` for the lanes of the mask; the counters count the access.
  void resolve(StateSpace space, uint32_t mask, const uint64_t *addresses, uint8_t **pointers);
  /// The same for one range of shared memory, which one lane names. Not counted.
  uint8_t *shared(uint64_t address, uint32_t size, int lane, bool isAsync = false);
  void checkGlobal(uint64_t address, uint64_t size, int lane);

private:
  void sharedLanes(uint32_t mask, const uint64_t *addresses, uint8_t **pointers);
  void globalLanes(uint32_t mask, const uint64_t *addresses, uint8_t **pointers);
  void localLanes(uint32_t mask, const uint64_t *addresses, uint8_t **pointers);
  void parameterLanes(uint32_t mask, const uint64_t *addresses, uint8_t **pointers);
  void genericLanes(uint32_t mask, const uint64_t *addresses, uint8_t **pointers);
  void checkAlignment(uint32_t mask, const uint64_t *addresses);
  void checkPart(Allocation &allocation, uint64_t address, uint64_t size, int lane);
  void checkGranules(Allocation &allocation, uint64_t offset, uint64_t size, int lane);
  void checkGranule(GranuleShadow &granule, uint16_t bits, int lane);

  Warp &warp;
  const Instruction &instruction;
  uint32_t bytes;
  AccessKind kind;
};

/// Calls `visit(address, size, lane)` for each range that active lanes touch; neighbours and equals are one range.
template <typename Visit>
void forRanges(uint32_t mask, const uint64_t *addresses, uint32_t bytes, Visit visit) {
  while (mask) {
    uint32_t first = static_cast<uint32_t>(__builtin_ctz(mask));
    uint64_t begin = addresses[first], end = begin + bytes;
    for (mask &= mask - 1; mask; mask &= mask - 1) {
      uint64_t next = addresses[__builtin_ctz(mask)];
      if (next == end)
        end += bytes;
      else if (next != end - bytes)
        break;
    }
    visit(begin, end - begin, static_cast<int>(first));
  }
}

void countSharedAccess(Counters &counters, uint32_t mask, const uint64_t *addresses, uint32_t bytes);
void countGlobalAccess(Counters &counters, uint32_t mask, const uint64_t *addresses, uint32_t bytes, bool isStore);

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_MACHINE_MEMORYACCESS_H
