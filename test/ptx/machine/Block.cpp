// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Described in Block.h.
#include "test/ptx/machine/Block.h"

#include "test/ptx/machine/Lanes.h"
#include "test/ptx/machine/Launch.h"

#include <numeric>

namespace lmopt::ptx {

namespace {
constexpr uint64_t kBudget = 2000; // instructions of a warp before another's turn
} // namespace

Block::Block(Launch &launch, uint32_t warpCount) : launch(launch) {
  for (uint32_t i = 0; i < warpCount; ++i)
    warps.push_back(std::make_unique<Warp>(*this, i));
}

void Block::begin(uint64_t linear) {
  const LaunchShape &shape = launch.shape;
  linearIndex = linear;
  index = {static_cast<uint32_t>(linear % shape.grid[0]), static_cast<uint32_t>(linear / shape.grid[0] % shape.grid[1]),
           static_cast<uint32_t>(linear / shape.grid[0] / shape.grid[1])};
  done = false;
  shared.begin(launch.sharedBytes(), lastClock);
  local.assign(size_t(launch.kernel.localBytes) * warps.size() * kLanes, 0xcd);
  localWritten.assign(local.size(), 0);
  mbarriers.clear();
  copies.clear();
  barriers.fill({});
  asyncClock = lastClock + 1;
  for (auto &warp : warps) {
    warp->knowledge = {};
    warp->knowledge.own.fill(lastClock);
    warp->knowledge.own[warp->index] = lastClock + 1;
    warp->refreshObserver();
    uint64_t left = launch.threadsInBlock() - std::min<uint64_t>(launch.threadsInBlock(), warp->index * kLanes);
    warp->begin(left >= kLanes ? kAllLanes : (1u << left) - 1);
  }
}

std::vector<uint32_t> Block::warpOrder() {
  std::vector<uint32_t> order(warps.size());
  std::iota(order.begin(), order.end(), 0u);
  if (launch.isStrict())
    for (size_t i = order.size(); i > 1; --i)
      std::swap(order[i - 1], order[launch.draw(static_cast<uint32_t>(i))]);
  return order;
}

void Block::turn() {
  for (uint32_t i : warpOrder())
    if (warps[i]->state == WarpState::Ready)
      warps[i]->run(launch.isStrict() ? 1 + launch.draw(200) : kBudget);
  completeBarriers();
  bool alive = false;
  for (auto &warp : warps)
    alive |= warp->state != WarpState::Done;
  if (!alive)
    finish();
}

void Block::finish() {
  for (auto &warp : warps) {
    if (!warp->openCopies.empty() || !warp->committedCopies.empty())
      throw PtxError(launch.kernel.name + ": a warp ends while a cp.async of it is under way");
    if (!warp->products.empty())
      throw PtxError(launch.kernel.name + ": a warp ends while a wgmma of it is under way");
    lastClock = std::max(lastClock, warp->knowledge.own[warp->index]);
  }
  if (!copies.empty())
    throw PtxError(launch.kernel.name + ": a block ends while a bulk copy is under way that nobody waited for");
  lastClock = std::max(lastClock, asyncClock);
  stores.flush();
  done = true;
  ++launch.progress;
}

uint32_t Block::liveThreads() const {
  uint32_t threads = 0;
  for (auto &warp : warps)
    threads += warp->state != WarpState::Done ? kLanes : 0;
  return threads;
}

bool Block::completeBarriers() {
  bool any = false;
  for (uint32_t id = 0; id < kBarriers; ++id)
    any |= completeBarrier(id);
  return any;
}

/// A barrier without a count waits for all warps that have not ended. Everybody leaves with what all knew on arrival.
bool Block::completeBarrier(uint32_t id) {
  NamedBarrier &barrier = barriers[id];
  uint32_t threads = barrier.arrivedThreads, needed = 0, waiting = 0;
  for (auto &warp : warps) {
    if (warp->state != WarpState::AtBarrier || warp->barrier != id)
      continue;
    ++waiting;
    threads += kLanes;
    if (needed && warp->barrierThreads && needed != warp->barrierThreads)
      throw PtxError(launch.kernel.name + ": warps wait at barrier " + std::to_string(id) + " with different counts");
    needed = std::max(needed, warp->barrierThreads);
  }
  if (!waiting || threads < (needed ? needed : liveThreads()))
    return false;
  if (needed && threads > needed)
    throw PtxError(launch.kernel.name + ": more threads at barrier " + std::to_string(id) + " than its count");
  Knowledge all = barrier.arrived;
  for (auto &warp : warps)
    if (warp->state == WarpState::AtBarrier && warp->barrier == id)
      all.join(warp->knowledge);
  for (auto &warp : warps)
    if (warp->state == WarpState::AtBarrier && warp->barrier == id) {
      warp->learn(all);
      warp->tick();
      warp->passBarrier();
    }
  barrier.arrivedThreads = 0;
  barrier.arrived = {};
  ++launch.progress;
  return true;
}

Mbarrier &Block::mbarrierAt(Warp &warp, const Instruction &instruction, uint32_t offset) {
  auto found = mbarriers.find(offset);
  if (found == mbarriers.end())
    warp.fail(instruction, "no mbarrier was initialized at this address");
  return found->second;
}

void Block::checkPhase(Mbarrier &mbarrier) {
  if (mbarrier.pending != 0 || mbarrier.transactions != 0)
    return;
  ++mbarrier.phase;
  mbarrier.pending = mbarrier.expected;
  mbarrier.complete.join(mbarrier.arriving);
  mbarrier.arriving = {};
  ++launch.progress;
}

void Block::completeTransactions(uint32_t offset, int64_t bytes) {
  auto found = mbarriers.find(offset);
  if (found == mbarriers.end())
    throw PtxError(launch.kernel.name + ": a bulk copy ends at an mbarrier that is none");
  found->second.transactions -= bytes;
  found->second.arriving.own[kAsyncAgent] = asyncClock;
  checkPhase(found->second);
}

bool Block::hasCopiesFor(uint32_t mbarrier) const {
  for (const BulkCopy &copy : copies)
    if (copy.mbarrier == mbarrier)
      return true;
  return false;
}

void Block::start(Warp &, const BulkCopy &copy) {
  shared.setWriter(copy.shared, copy.bytes, makeEpoch(kPendingAgent, kMostClock + 1));
  copies.push_back(copy);
  if (!launch.isStrict())
    deliver(copy.mbarrier);
}

void Block::deliver(uint32_t mbarrier) {
  std::vector<BulkCopy> rest;
  for (const BulkCopy &copy : copies) {
    if (copy.mbarrier != mbarrier) {
      rest.push_back(copy);
      continue;
    }
    ++asyncClock;
    std::memcpy(shared.at(copy.shared), reinterpret_cast<const void *>(copy.source), copy.bytes);
    shared.setWriter(copy.shared, copy.bytes, makeEpoch(kAsyncAgent, asyncClock));
    completeTransactions(mbarrier, copy.bytes);
  }
  copies = std::move(rest);
}

} // namespace lmopt::ptx
