// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Described in Launch.h.
#include "test/ptx/machine/Launch.h"

#include "test/ptx/machine/Lanes.h"

#include <numeric>

namespace lmopt::ptx {

namespace {
constexpr uint32_t kPatience = 20000;   // turns without progress before it counts as a deadlock
constexpr uint32_t kStrictResident = 3; // blocks of a normal launch that run by turns
} // namespace

Launch::Launch(Device &device, const Kernel &kernel, const LaunchShape &shape, void *const *arguments)
    : device(device), kernel(kernel), shape(shape), checks(device.options.checks), opcodeCounts(kernel.opcodes.size()),
      random(device.options.strictSeed.value_or(0)) {
  checkShape();
  takeArguments(arguments);
  warpsInBlock = static_cast<uint32_t>((threadsInBlock() + kLanes - 1) / kLanes);
}

void Launch::checkShape() const {
  auto refuse = [&](const std::string &why) { throw PtxError(kernel.name + ": " + why); };
  for (uint32_t size : {shape.grid[0], shape.grid[1], shape.grid[2], shape.block[0], shape.block[1], shape.block[2]})
    if (size == 0 || size > (1u << 20))
      refuse("a launch with a size of " + std::to_string(size));
  if (threadsInBlock() > kMostWarps * kLanes)
    refuse("more than 1024 threads a block");
  if (blocks() * ((threadsInBlock() + kLanes - 1) / kLanes) > (1u << 30))
    refuse("more blocks than can be counted");
  for (unsigned i = 0; i < 3; ++i)
    if (kernel.requiredThreads[0] && kernel.requiredThreads[i] != shape.block[i])
      refuse("the block's shape is not the one that .reqntid asks for");
  if (kernel.mostThreads[0] &&
      threadsInBlock() > uint64_t(kernel.mostThreads[0]) * kernel.mostThreads[1] * kernel.mostThreads[2])
    refuse("more threads than .maxntid allows");
  if (uint64_t(kernel.sharedBytes) + shape.dynamicShared > device.options.mostSharedBytes)
    refuse("more shared memory than a block may have");
}

void Launch::takeArguments(void *const *arguments) {
  parameters.assign(kernel.parameterBytes, 0);
  for (size_t i = 0; i < kernel.parameters.size(); ++i)
    std::memcpy(parameters.data() + kernel.parameters[i].offset, arguments[i], kernel.parameters[i].size);
}

std::vector<uint64_t> Launch::blockOrder() {
  std::vector<uint64_t> result(blocks());
  std::iota(result.begin(), result.end(), uint64_t(0));
  if (isStrict())
    std::shuffle(result.begin(), result.end(), random);
  return result;
}

uint32_t Launch::residentBlocks() const {
  if (shape.isCooperative)
    return static_cast<uint32_t>(blocks());
  return static_cast<uint32_t>(std::min<uint64_t>(blocks(), isStrict() ? kStrictResident : 1));
}

Counters Launch::run() {
  device.memory.beginLaunch();
  order = blockOrder();
  for (uint32_t i = residentBlocks(); i > 0; --i) {
    resident.push_back(std::make_unique<Block>(*this, warpsInBlock));
    resident.back()->begin(order[nextBlock++]);
  }
  uint64_t before = 0;
  for (uint32_t idle = 0; turn(); before = progress) {
    idle = progress != before ? 0 : idle + (isBusy ? 1 : 10);
    if (idle > kPatience)
      throw PtxError("deadlock in " + kernel.name);
    if (instructions > device.options.mostInstructions)
      throw PtxError(kernel.name + ": more instructions than the launch may have");
  }
  for (size_t i = 0; i < opcodeCounts.size(); ++i) {
    counters.warpInstructions += opcodeCounts[i].warps;
    counters.laneInstructions += opcodeCounts[i].lanes;
    counters.opcodes[kernel.opcodes[i]] = opcodeCounts[i];
  }
  return counters;
}

/// One block is left out for some turns, then another; nobody may wait for it forever, and nobody may need it to be
/// late.
void Launch::chooseVictim() {
  if (!isStrict() || victimTurns-- > 0)
    return;
  victim = draw(static_cast<uint32_t>(resident.size()) + 1);
  victimTurns = draw(100);
}

/// False when all blocks have ended.
bool Launch::turn() {
  chooseVictim();
  isBusy = false;
  bool alive = false;
  for (size_t i = 0; i < resident.size(); ++i) {
    Block &block = *resident[i];
    if (block.isDone() && nextBlock < order.size())
      block.begin(order[nextBlock++]);
    if (block.isDone())
      continue;
    alive = true;
    if (i != victim)
      block.turn();
  }
  return alive;
}

bool Launch::isOrdered(const Warp &warp, uint32_t agent, uint32_t clock) const {
  uint64_t block = (agent - 1) / warpsInBlock;
  if (block == warp.block.linearIndex)
    return warp.knowledge.own[(agent - 1) % warpsInBlock] >= clock;
  return agent < warp.knowledge.foreign.size() && warp.knowledge.foreign[agent] >= clock;
}

/// The clocks at an address cover all agents of the grid; those of the warp's own block come from `own`.
void Launch::publish(const Knowledge &knowledge, const Warp &warp, Channel channel) {
  std::vector<uint32_t> &clocks = published[channel];
  clocks.resize(blocks() * warpsInBlock + 1);
  for (size_t i = 0; i < knowledge.foreign.size(); ++i)
    clocks[i] = std::max(clocks[i], knowledge.foreign[i]);
  uint64_t first = warp.block.linearIndex * warpsInBlock + 1;
  for (uint32_t i = 0; i < warpsInBlock; ++i)
    clocks[first + i] = std::max(clocks[first + i], knowledge.own[i]);
}

void Launch::adopt(Knowledge &into, const Warp &warp, Channel channel) const {
  auto found = published.find(channel);
  if (found == published.end())
    return;
  into.joinForeign(found->second);
  uint64_t first = warp.block.linearIndex * warpsInBlock + 1;
  for (uint32_t i = 0; i < warpsInBlock; ++i)
    into.own[i] = std::max(into.own[i], found->second[first + i]);
}

void Launch::release(Warp &warp, uint64_t address, bool isBlockScope) {
  publish(warp.knowledge, warp, blockOf(warp, address));
  if (!isBlockScope) {
    warp.block.stores.flush();
    publish(warp.knowledge, warp, everybody(address));
  }
  warp.tick();
}

void Launch::acquire(Warp &warp, uint64_t address, bool isBlockScope) {
  adopt(warp.knowledge, warp, blockOf(warp, address));
  if (!isBlockScope)
    adopt(warp.knowledge, warp, everybody(address));
  warp.refreshObserver();
}

/// Makes relaxed reads before it acquire, and relaxed writes after it release.
void Launch::fence(Warp &warp, bool isBlockScope) {
  warp.learn(warp.relaxedAcquire);
  warp.relaxedAcquire = {};
  warp.tick();
  if (isBlockScope)
    return;
  warp.block.stores.flush();
  warp.fencedRelease = warp.knowledge;
  warp.hasFencedRelease = true;
  --warp.fencedRelease.own[warp.index];
}

void Launch::relaxedWrite(Warp &warp, uint64_t address, bool isBlockScope) {
  if (!warp.hasFencedRelease)
    return;
  publish(warp.fencedRelease, warp, blockOf(warp, address));
  if (!isBlockScope)
    publish(warp.fencedRelease, warp, everybody(address));
}

void Launch::relaxedRead(Warp &warp, uint64_t address, bool isBlockScope) {
  adopt(warp.relaxedAcquire, warp, blockOf(warp, address));
  if (!isBlockScope)
    adopt(warp.relaxedAcquire, warp, everybody(address));
}

Result<Counters> Device::launch(const Module &module, const std::string &name, const LaunchShape &shape,
                                void *const *arguments) {
  auto kernel = module.kernels.find(name);
  if (kernel == module.kernels.end())
    return Error{kErrorUsage, "the module has no kernel '" + name + "'"};
  try {
    return Launch(*this, kernel->second, shape, arguments).run();
  } catch (const PtxError &error) {
    return Error{kErrorInternal, error.what()};
  }
}

} // namespace lmopt::ptx
