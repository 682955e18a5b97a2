// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bra, brx, ret, exit, trap; bar and barrier; fences; nanosleep, griddepcontrol, setmaxnreg and other hints.
//
// Source: PTX ISA, "Control Flow Instructions", "Parallel Synchronization and Communication Instructions".
// Tested by test/ptx/unit/ControlTest.cpp and BarrierTest.cpp.
#include "test/ptx/decode/KernelDecoder.h"
#include "test/ptx/decode/MemoryOperands.h"
#include "test/ptx/machine/Lanes.h"
#include "test/ptx/machine/Launch.h"

namespace lmopt::ptx {

namespace {
void runNothing(Warp &, const Instruction &, uint32_t) {}

void decodeBranch(StatementDecoder &s) {
  s.take("uni");
  s.out.flow = Flow::Branch;
  s.out.target = s.label();
}

void decodeIndexedBranch(StatementDecoder &s) {
  s.expectOneOf({"idx"});
  s.take("uni");
  s.out.flow = Flow::IndexedBranch;
  s.out.source[0] = s.source(ScalarType::U32);
  std::vector<uint32_t> targets = s.kernel.branchTable(s.label());
  if (targets.empty())
    s.refuse("no .branchtargets of this name");
  s.out.targets = s.kernel.list(targets);
}

void decodeExit(StatementDecoder &s) {
  s.take("uni");
  s.out.flow = Flow::Exit;
}

void runTrap(Warp &warp, const Instruction &i, uint32_t mask) { warp.fail(i, "the kernel traps", __builtin_ctz(mask)); }

void decodeTrap(StatementDecoder &s) { s.out.run = runTrap; }

enum BarrierKind : uint8_t { kSync, kArrive };

uint32_t uniformOperand(Warp &warp, const Instruction &i, uint32_t slot, uint32_t mask) {
  const uint32_t *lanes = words(warp, slot);
  uint32_t value = lanes[__builtin_ctz(mask)];
  forLanes(mask, [&](uint32_t lane) {
    if (lanes[lane] != value)
      warp.fail(i, "the lanes of the warp name different barriers", static_cast<int>(lane));
  });
  return value;
}

/// What barrier a warp means; the count in whole warps.
std::pair<uint32_t, uint32_t> barrierOf(Warp &warp, const Instruction &i, uint32_t mask) {
  uint32_t id = uniformOperand(warp, i, i.source[0], mask);
  uint32_t threads = i.source[1] == kNoSlot ? 0 : uniformOperand(warp, i, i.source[1], mask);
  if (id >= kBarriers)
    warp.fail(i, "a block has 16 barriers, this is number " + std::to_string(id));
  if (threads % kLanes || (i.source[1] != kNoSlot && threads == 0))
    warp.fail(i, "a barrier counts whole warps, not " + std::to_string(threads) + " threads");
  return {id, threads};
}

void runSync(Warp &warp, const Instruction &i, uint32_t mask) {
  std::tie(warp.barrier, warp.barrierThreads) = barrierOf(warp, i, mask);
  warp.state = WarpState::AtBarrier;
}

/// Lets the others pass and goes on. The count is needed: nobody could know whom to wait for.
void runArrive(Warp &warp, const Instruction &i, uint32_t mask) {
  auto [id, threads] = barrierOf(warp, i, mask);
  NamedBarrier &barrier = warp.block.barriers[id];
  barrier.arrivedThreads += kLanes;
  barrier.arrived.join(warp.knowledge);
  warp.tick();
  ++warp.launch.counters.barriers;
  ++warp.launch.progress;
}

void decodeBarrier(StatementDecoder &s) {
  s.take("cta");
  int kind = s.expectOneOf({"sync", "arrive"});
  s.take("aligned");
  s.out.source[0] = s.source(ScalarType::U32);
  if (s.operandsLeft())
    s.out.source[1] = s.source(ScalarType::U32);
  if (kind == kArrive && s.out.source[1] == kNoSlot)
    s.refuse("a count of threads is missing");
  s.out.flow = kind == kSync ? Flow::Barrier : Flow::Next;
  s.out.run = kind == kSync ? runSync : runArrive;
}

void runWarpSync(Warp &warp, const Instruction &i, uint32_t mask) {
  uint32_t members = words(warp, i.source[0])[__builtin_ctz(mask)];
  if ((members & mask) != members)
    warp.fail(i, "divergence: not all lanes of the mask are here");
}

void decodeWarpSync(StatementDecoder &s) {
  s.expectOneOf({"sync"});
  s.out.source[0] = s.source(ScalarType::B32);
  s.out.run = runWarpSync;
}

void decodeAnyBarrier(StatementDecoder &s) {
  if (s.take("cluster"))
    s.refuse("clusters are not supported");
  if (s.take("warp"))
    return decodeWarpSync(s);
  decodeBarrier(s);
}

void runFence(Warp &warp, const Instruction &i, uint32_t) { warp.launch.fence(warp, i.isBlockScope); }

/// What this warp knows becomes visible to asynchronous reads (wgmma, bulk copies from shared memory).
void runProxyFence(Warp &warp, const Instruction &, uint32_t) {
  for (uint32_t agent = 0; agent < kAgents; ++agent)
    warp.knowledge.fenced[agent] = std::max(warp.knowledge.fenced[agent], warp.knowledge.own[agent]);
  warp.tick();
}

void decodeFence(StatementDecoder &s) {
  if (s.take("proxy")) {
    s.expectOneOf({"async", "alias"});
    s.takeOneOf({"shared::cta", "shared::cluster", "global"});
    s.out.run = runProxyFence;
    return;
  }
  if (s.take("mbarrier_init")) {
    s.expectOneOf({"release"});
    s.expectOneOf({"cluster"});
    s.out.run = runProxyFence;
    return;
  }
  s.takeOneOf({"sc", "acq_rel", "acquire", "release"});
  int scope = s.expectOneOf({"cta", "gpu", "sys", "cluster"});
  s.out.isBlockScope = scope == 0;
  s.out.run = runFence;
}

void decodeMembar(StatementDecoder &s) {
  s.out.isBlockScope = s.expectOneOf({"cta", "gl", "sys"}) == 0;
  s.out.run = runFence;
}

void runYield(Warp &warp, const Instruction &, uint32_t) { warp.yielded = true; }

void decodeSleep(StatementDecoder &s) {
  s.type({ScalarType::U32});
  s.out.source[0] = s.source(ScalarType::U32);
  s.out.run = runYield;
}

/// Launches of one stream run one after the other here, so what came before is complete.
void decodeDependency(StatementDecoder &s) {
  s.expectOneOf({"wait", "launch_dependents"});
  s.out.run = runNothing;
}

/// Registers are not counted here; the number must be one that hardware takes.
void decodeRegisterCount(StatementDecoder &s) {
  s.expectOneOf({"inc", "dec"});
  s.expectOneOf({"sync"});
  s.expectOneOf({"aligned"});
  s.type({ScalarType::U32});
  if (s.immediate(24, 256) % 8)
    s.refuse("a number of registers is a multiple of 8");
  s.out.run = [](Warp &warp, const Instruction &i, uint32_t mask) { warp.requireAllLanes(i, mask); };
}
} // namespace

void addControl(StatementTable &table) {
  table["bra"] = decodeBranch;
  table["brx"] = decodeIndexedBranch;
  table["ret"] = decodeExit;
  table["exit"] = decodeExit;
  table["trap"] = decodeTrap;
  table["bar"] = decodeAnyBarrier;
  table["barrier"] = decodeAnyBarrier;
  table["fence"] = decodeFence;
  table["membar"] = decodeMembar;
  table["nanosleep"] = decodeSleep;
  table["griddepcontrol"] = decodeDependency;
  table["setmaxnreg"] = decodeRegisterCount;
}

} // namespace lmopt::ptx
