// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a launch did, counted: the quantities that stand in for a profiler where there is no GPU.
//
// A sector is 32 bytes of global memory; a request is one instruction of one warp. A wavefront is one pass through the
// 32 banks of shared memory; the ideal number is what the bytes need without bank conflicts. Source: CUDA C++ Best
// Practices Guide, chapter "Memory Optimizations". Tested by test/ptx/unit/CountersTest.cpp.
#ifndef LMOPT_TEST_PTX_COUNTERS_H
#define LMOPT_TEST_PTX_COUNTERS_H

#include <cstdint>
#include <map>
#include <string>

namespace lmopt::ptx {

struct OpcodeCount {
  uint64_t warps = 0, lanes = 0;
};

struct Counters {
  uint64_t warpInstructions = 0, laneInstructions = 0;
  uint64_t globalLoadRequests = 0, globalLoadSectors = 0, globalLoadBytes = 0;
  uint64_t globalStoreRequests = 0, globalStoreSectors = 0, globalStoreBytes = 0;
  uint64_t sharedWavefronts = 0, sharedIdealWavefronts = 0;
  uint64_t matrixInstructions = 0;            // mma.sync, and wgmma as the mma of m16n8 that it is worth
  uint64_t barriers = 0;                      // waits of warps
  uint64_t atomics = 0;                       // of warps
  std::map<std::string, OpcodeCount> opcodes; // with all modifiers

  void add(const Counters &other);
};

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_COUNTERS_H
