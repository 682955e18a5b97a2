// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One launch: which blocks are resident, who runs next, what blocks know of each other.
//
// A normal launch runs block after block (three at a time in strict mode, in an order drawn from the seed); a
// cooperative one keeps all resident. Who runs is drawn anew every turn in strict mode, and one block is left out for a
// while. Where no block does anything that another could see for kPatience turns (a tenth, if all wait), the launch
// ends with "deadlock in NAME". Tested by test/ptx/unit/ControlTest.cpp and StrictTest.cpp.
#ifndef LMOPT_TEST_PTX_MACHINE_LAUNCH_H
#define LMOPT_TEST_PTX_MACHINE_LAUNCH_H

#include "test/ptx/Interpreter.h"
#include "test/ptx/machine/Block.h"

#include <random>

namespace lmopt::ptx {

class Launch {
public:
  Launch(Device &device, const Kernel &kernel, const LaunchShape &shape, void *const *arguments);
  Counters run();

  // Synchronization by an address, between all blocks or (`isBlockScope`) between the warps of one.
  void release(Warp &warp, uint64_t address, bool isBlockScope);
  void acquire(Warp &warp, uint64_t address, bool isBlockScope);
  void fence(Warp &warp, bool isBlockScope);
  void relaxedWrite(Warp &warp, uint64_t address, bool isBlockScope);
  void relaxedRead(Warp &warp, uint64_t address, bool isBlockScope);
  bool isOrdered(const Warp &warp, uint32_t agent, uint32_t clock) const;

  bool isStrict() const { return device.options.strictSeed.has_value(); }
  uint32_t draw(uint32_t below) { return static_cast<uint32_t>(random() % below); }
  uint64_t threadsInBlock() const { return uint64_t(shape.block[0]) * shape.block[1] * shape.block[2]; }
  uint64_t blocks() const { return uint64_t(shape.grid[0]) * shape.grid[1] * shape.grid[2]; }
  uint32_t sharedBytes() const { return kernel.sharedBytes + shape.dynamicShared; }

  Device &device;
  const Kernel &kernel;
  const LaunchShape shape;
  const Checks checks;
  Counters counters;
  std::vector<OpcodeCount> opcodeCounts;
  std::vector<uint8_t> parameters;
  uint64_t progress = 0;     // what others may wait for has happened so many times
  uint64_t instructions = 0; // of all warps, counted after each turn
  uint32_t warpsInBlock = 0;
  bool isBusy = false; // in this turn a warp had more to do than its turn allowed

private:
  void checkShape() const;
  void takeArguments(void *const *arguments);
  std::vector<uint64_t> blockOrder();
  uint32_t residentBlocks() const;
  bool turn();
  void chooseVictim();
  /// Who looks at an address: all blocks (0), or one block (its number + 1).
  using Channel = std::pair<uint64_t, uint64_t>;
  void publish(const Knowledge &knowledge, const Warp &warp, Channel channel);
  void adopt(Knowledge &into, const Warp &warp, Channel channel) const;
  static Channel everybody(uint64_t address) { return {0, address}; }
  static Channel blockOf(const Warp &warp, uint64_t address) { return {warp.block.linearIndex + 1, address}; }

  std::vector<std::unique_ptr<Block>> resident;
  std::vector<uint64_t> order;
  uint64_t nextBlock = 0;
  std::map<Channel, std::vector<uint32_t>> published; // clocks of all agents of the grid
  std::mt19937_64 random;
  size_t victim = ~size_t(0);
  uint32_t victimTurns = 0;
};

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_MACHINE_LAUNCH_H
