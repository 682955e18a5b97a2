// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vector clocks: who knows how much of whose past. Two accesses of which one writes are a race unless the later agent
// knew the earlier one's clock.
//
// The agents of a block are its warps and its asynchronous proxy (bulk copies). Each has a clock that ticks when it
// publishes something (a barrier, an mbarrier, a release); joining takes the maximum of each entry. Clocks grow from
// block to block, so that the shadow of shared memory needs no clearing: what is older than the block counts as
// unwritten. `foreign` holds the agents of all other blocks, and is empty until something was acquired from one.
// Source: Mattern 1989 (vector clocks); Flanagan, Freund, "FastTrack", PLDI 2009 (epochs).
// Tested by test/ptx/unit/RaceTest.cpp.
#ifndef LMOPT_TEST_PTX_MEMORY_CLOCKS_H
#define LMOPT_TEST_PTX_MEMORY_CLOCKS_H

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace lmopt::ptx {

constexpr uint32_t kMostWarps = 32;
constexpr uint32_t kAsyncAgent = kMostWarps;       // bulk copies
constexpr uint32_t kPendingAgent = kMostWarps + 1; // data of a cp.async that nobody has waited for
constexpr uint32_t kAgents = kMostWarps + 2;
constexpr uint32_t kAgentBits = 6;
constexpr uint32_t kMostClock = (1u << (32 - kAgentBits)) - (1u << 20);

/// A clock of an agent of the block in one word, ordered by clock.
constexpr uint32_t makeEpoch(uint32_t agent, uint32_t clock) { return clock << kAgentBits | agent; }
constexpr uint32_t clockOf(uint32_t epoch) { return epoch >> kAgentBits; }
constexpr uint32_t agentOf(uint32_t epoch) { return epoch & ((1u << kAgentBits) - 1); }

using BlockClocks = std::array<uint32_t, kAgents>;

struct Knowledge {
  BlockClocks own{};             // of the agents of this block
  BlockClocks fenced{};          // how much of it a fence.proxy.async has made visible to asynchronous reads
  std::vector<uint32_t> foreign; // of all warps of the grid; empty: nothing

  void join(const Knowledge &other) {
    for (uint32_t i = 0; i < kAgents; ++i) {
      own[i] = std::max(own[i], other.own[i]);
      fenced[i] = std::max(fenced[i], other.fenced[i]);
    }
    joinForeign(other.foreign);
  }
  void joinForeign(const std::vector<uint32_t> &other) {
    if (foreign.size() < other.size())
      foreign.resize(other.size());
    for (size_t i = 0; i < other.size(); ++i)
      foreign[i] = std::max(foreign[i], other[i]);
  }
};

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_MEMORY_CLOCKS_H
