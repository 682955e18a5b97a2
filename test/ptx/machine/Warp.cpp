// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loop of a warp. Described in Warp.h.
#include "test/ptx/machine/Warp.h"

#include "test/ptx/machine/Lanes.h"
#include "test/ptx/machine/Launch.h"

namespace lmopt::ptx {

Warp::Warp(Block &block, uint32_t index) : block(block), launch(block.launch), index(index) {
  const Kernel &kernel = launch.kernel;
  storage.assign((size_t(kernel.slotCount) + 1) * kLanes, 0xabababab);
  // Rows begin at multiples of 64 bytes, so that a row of 64-bit lanes can be read as such.
  size_t misaligned = reinterpret_cast<uintptr_t>(storage.data()) % 64 / sizeof(uint32_t);
  registers = storage.data() + (misaligned ? 16 - misaligned : 0);
  for (const ConstantSlot &constant : kernel.constants)
    if (constant.isWide)
      std::fill_n(wideWords(*this, constant.slot), kLanes, constant.value);
    else
      std::fill_n(words(*this, constant.slot), kLanes, static_cast<uint32_t>(constant.value));
}

void Warp::begin(uint32_t lanes) {
  written.assign(launch.kernel.slotCount, 0);
  if (launch.kernel.usesWgmma)
    stamps.assign(launch.kernel.slotCount, 0);
  groups.assign(1, {0, lanes});
  state = lanes ? WarpState::Ready : WarpState::Done;
  yielded = false;
  instructions = wgmmaFence = 0;
  openCopies.clear();
  committedCopies.clear();
  products.clear();
  fencedRelease = relaxedAcquire = {};
  hasFencedRelease = false;
  setSpecials();
}

static uint32_t specialValue(const Warp &warp, SpecialRegister which, uint32_t lane) {
  const Block &block = warp.block;
  const LaunchShape &shape = warp.launch.shape;
  uint32_t thread = warp.index * kLanes + lane;
  switch (which) {
  case SpecialRegister::ThreadX:
    return thread % shape.block[0];
  case SpecialRegister::ThreadY:
    return thread / shape.block[0] % shape.block[1];
  case SpecialRegister::ThreadZ:
    return thread / shape.block[0] / shape.block[1];
  case SpecialRegister::ThreadsX:
  case SpecialRegister::ThreadsY:
  case SpecialRegister::ThreadsZ:
    return shape.block[static_cast<size_t>(which) - static_cast<size_t>(SpecialRegister::ThreadsX)];
  case SpecialRegister::BlockX:
  case SpecialRegister::BlockY:
  case SpecialRegister::BlockZ:
    return block.index[static_cast<size_t>(which) - static_cast<size_t>(SpecialRegister::BlockX)];
  case SpecialRegister::BlocksX:
  case SpecialRegister::BlocksY:
  case SpecialRegister::BlocksZ:
    return shape.grid[static_cast<size_t>(which) - static_cast<size_t>(SpecialRegister::BlocksX)];
  case SpecialRegister::Lane:
    return lane;
  case SpecialRegister::WarpInBlock:
    return warp.index;
  case SpecialRegister::WarpsInBlock:
    return warp.launch.warpsInBlock;
  case SpecialRegister::Multiprocessor:
    return static_cast<uint32_t>(block.linearIndex % warp.launch.device.options.multiprocessors);
  case SpecialRegister::Multiprocessors:
    return warp.launch.device.options.multiprocessors;
  case SpecialRegister::DynamicShared:
    return shape.dynamicShared;
  case SpecialRegister::TotalShared:
    return warp.launch.sharedBytes();
  case SpecialRegister::LanesEqual:
    return 1u << lane;
  case SpecialRegister::LanesLess:
    return (1u << lane) - 1;
  case SpecialRegister::LanesLessEqual:
    return (2u << lane) - 1;
  case SpecialRegister::LanesGreater:
    return ~((2u << lane) - 1);
  case SpecialRegister::LanesGreaterEqual:
    return ~((1u << lane) - 1);
  case SpecialRegister::ClusterBlocks:
    return 1;
  case SpecialRegister::ClusterRank:
  case SpecialRegister::GridId:
    return 0;
  }
  return 0;
}

void Warp::setSpecials() {
  for (const SpecialSlot &special : launch.kernel.specials)
    for (uint32_t lane = 0; lane < kLanes; ++lane)
      words(*this, special.slot)[lane] = specialValue(*this, special.which, lane);
}

void Warp::fail(const Instruction &instruction, const std::string &message, int lane) const {
  std::string place = launch.kernel.name + ", line " + std::to_string(instruction.line) + ", " +
                      launch.kernel.opcodes[instruction.opcode] + ", block (" + std::to_string(block.index[0]) + ", " +
                      std::to_string(block.index[1]) + ", " + std::to_string(block.index[2]) + "), warp " +
                      std::to_string(index);
  throw PtxError(place + (lane < 0 ? "" : ", lane " + std::to_string(lane)) + ": " + message);
}

void Warp::requireAllLanes(const Instruction &instruction, uint32_t mask) const {
  if (mask != kAllLanes)
    fail(instruction, "divergence: not all lanes of the warp are here");
}

uint32_t Warp::groupMask() const {
  uint32_t mask = 0;
  for (const LaneGroup &group : groups)
    mask |= group.mask;
  return mask;
}

uint32_t Warp::agentInGrid() const {
  return static_cast<uint32_t>(block.linearIndex * launch.warpsInBlock + index + 1);
}

void Warp::refreshObserver() {
  observer.agent = index;
  observer.knowledge = &knowledge;
  uint32_t least = knowledge.own[kAsyncAgent];
  for (uint32_t other = 0; other < launch.warpsInBlock; ++other)
    least = std::min(least, knowledge.own[other]);
  observer.ordered = makeEpoch((1u << kAgentBits) - 1, least);
}

void Warp::tick() {
  if (++knowledge.own[index] > kMostClock)
    throw PtxError(launch.kernel.name + ": more synchronization than the clocks can count");
  refreshObserver();
}

void Warp::learn(const Knowledge &other) {
  knowledge.join(other);
  refreshObserver();
}

size_t Warp::nextGroup() {
  auto rank = [&](size_t i) {
    uint32_t pc = groups[i].pc;
    return std::make_pair(launch.kernel.code[pc].together, pc);
  };
  size_t next = 0;
  for (size_t i = 1; i < groups.size(); ++i)
    if (rank(i) < rank(next))
      next = i;
  uint32_t all = groupMask();
  for (size_t i = 0; i < groups.size(); ++i)
    if (rank(i).first == Together::Barrier && i != next)
      groups[i].awaited = all;
  return next;
}

void Warp::mergeGroups() {
  for (size_t a = 0; a < groups.size(); ++a)
    for (size_t b = groups.size() - 1; b > a; --b)
      if (groups[a].pc == groups[b].pc) {
        groups[a].mask |= groups[b].mask;
        groups[a].awaited |= groups[b].awaited;
        groups.erase(groups.begin() + static_cast<ptrdiff_t>(b));
      }
}

uint32_t Warp::activeLanes(const Instruction &instruction, uint32_t mask) {
  if (instruction.guard == kNoSlot)
    return mask;
  if (launch.checks.uninitialized && (written[instruction.guard] & mask) != mask)
    fail(instruction, "the guard's register " + launch.kernel.registerNames.at(instruction.guard) + " has no value");
  uint32_t bits = predicateBits(*this, instruction.guard);
  return mask & (instruction.guardNegated ? ~bits : bits);
}

void Warp::checkReads(const Instruction &instruction, uint32_t mask) {
  const uint32_t *slot = launch.kernel.slots.data() + instruction.reads.first;
  for (const uint32_t *end = slot + instruction.reads.count; slot != end; ++slot)
    if ((written[*slot] & mask) != mask)
      fail(instruction, "register " + launch.kernel.registerNames.at(*slot) + " has no value",
           __builtin_ctz(mask & ~written[*slot]));
}

void Warp::branch(size_t current, const Instruction &instruction, uint32_t mask) {
  LaneGroup &group = groups[current];
  if (mask == group.mask) {
    group.pc = instruction.target;
    return;
  }
  ++group.pc;
  if (!mask)
    return;
  group.mask &= ~mask;
  groups.push_back({instruction.target, mask});
}

/// Lanes with the same index go on together.
void Warp::indexedBranch(size_t current, const Instruction &instruction, uint32_t mask) {
  const uint32_t *indices = words(*this, instruction.source[0]);
  LaneGroup rest{groups[current].pc + 1, groups[current].mask & ~mask};
  groups.erase(groups.begin() + static_cast<ptrdiff_t>(current));
  if (rest.mask)
    groups.push_back(rest);
  while (mask) {
    int first = __builtin_ctz(mask);
    uint32_t index = indices[first], same = 0;
    if (index >= instruction.targets.count)
      fail(instruction, "index " + std::to_string(index) + " is beyond the targets", first);
    forLanes(mask, [&](uint32_t lane) { same |= static_cast<uint32_t>(indices[lane] == index) << lane; });
    groups.push_back({launch.kernel.slots[instruction.targets.first + index], same});
    mask &= ~same;
  }
}

void Warp::leave(size_t current, uint32_t mask) {
  LaneGroup &group = groups[current];
  group.mask &= ~mask;
  ++group.pc;
  if (!group.mask)
    groups.erase(groups.begin() + static_cast<ptrdiff_t>(current));
  if (!groups.empty())
    return;
  state = WarpState::Done;
  ++launch.progress;
}

void Warp::arrive(size_t current, const Instruction &instruction) {
  LaneGroup &group = groups[current];
  if (groups.size() > 1 || (group.awaited & ~group.mask))
    fail(instruction, "divergence: the lanes of the warp are not together at a barrier");
  group.awaited = 0;
  ++group.pc;
  ++launch.counters.barriers;
}

void Warp::step(uint32_t current) {
  LaneGroup &group = groups[current];
  const Instruction &instruction = launch.kernel.code[group.pc];
  uint32_t mask = activeLanes(instruction, group.mask);
  OpcodeCount &count = launch.opcodeCounts[instruction.opcode];
  ++count.warps;
  count.lanes += static_cast<uint32_t>(__builtin_popcount(mask));
  ++instructions;
  if (mask && launch.checks.uninitialized)
    checkReads(instruction, mask);
  switch (instruction.flow) {
  case Flow::Branch:
    return branch(current, instruction, mask);
  case Flow::IndexedBranch:
    return indexedBranch(current, instruction, mask);
  case Flow::Exit:
    return leave(current, mask);
  case Flow::Barrier:
    if (mask != group.mask && mask)
      fail(instruction, "divergence: some lanes of the warp pass the barrier by");
    if (!mask)
      break;
    arrive(current, instruction);
    return instruction.run(*this, instruction, mask);
  case Flow::Next:
    if (mask)
      instruction.run(*this, instruction, mask);
    break;
  }
  ++group.pc;
  const uint32_t *slot = launch.kernel.slots.data() + instruction.writes.first;
  for (const uint32_t *end = slot + instruction.writes.count; slot != end; ++slot)
    written[*slot] |= mask;
  if (launch.kernel.usesWgmma)
    stamp(instruction);
}

/// A copy is as old as what it copies: LLVM ties operands of wgmma by moves, which ptxas makes vanish.
void Warp::stamp(const Instruction &instruction) {
  uint64_t now = instruction.isCopy ? stamps[instruction.source[0]] : instructions;
  for (uint32_t i = 0; i < instruction.writes.count; ++i)
    stamps[launch.kernel.slots[instruction.writes.first + i]] = now;
}

void Warp::run(uint64_t budget) {
  yielded = false;
  uint64_t before = instructions;
  while (budget-- && state == WarpState::Ready && !yielded) {
    step(groups.size() == 1 ? 0 : static_cast<uint32_t>(nextGroup()));
    if (groups.size() > 1)
      mergeGroups();
  }
  launch.instructions += instructions - before;
  launch.isBusy |= state == WarpState::Ready && !yielded;
}

void Warp::passBarrier() { state = WarpState::Ready; }

} // namespace lmopt::ptx
