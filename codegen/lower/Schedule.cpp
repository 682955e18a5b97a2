// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shares, places and barriers; see Schedule.h.
#include "codegen/lower/Schedule.h"

#include "codegen/cpu/RowInfo.h"

#include <algorithm>

namespace lmopt::lower {

namespace {

Share shareOf(const Plan &plan, const Step &step, bool few) {
  switch (step.kind) {
  case Step::Rows: {
    bool writesResult = false;
    for (int buffer : step.outputs)
      writesResult |= plan.buffers[buffer].result.has_value();
    return few && !writesResult ? Share::All : Share::Rows;
  }
  case Step::Linear:
    // Outputs are few rows (usually one) even in a prefill.
    return few || step.domain == Domain::Outputs ? Share::Panels : Share::Rows;
  case Step::StoreKeysValues:
    return few ? Share::Heads : Share::Rows;
  case Step::Attend:
    return few ? Share::Heads : Share::Turns;
  case Step::Pool:
    return Share::Rows;
  }
  return Share::Rows;
}

// One use of memory by one step.
struct Access {
  int buffer = -1; ///< -1: the key/value cache
  bool write = false;
  Share share = Share::Rows;
  bool gathered = false;
  Domain domain = Domain::Tokens; ///< of the step: rows are dealt out by domain
};

std::vector<Access> accessesOf(const Step &step, Share share) {
  std::vector<Access> accesses;
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    bool gathered = step.kind == Step::Rows && step.rows.inputs[i].gathered;
    // Pooling reads all rows of a segment, wherever they were computed.
    accesses.push_back({step.inputs[i], false, share, gathered || step.kind == Step::Pool, step.domain});
  }
  for (int buffer : step.outputs)
    accesses.push_back({buffer, true, share, false, step.domain});
  if (step.kind == Step::StoreKeysValues || step.kind == Step::Attend)
    accesses.push_back({-1, step.kind == Step::StoreKeysValues, share, false, step.domain});
  return accesses;
}

struct Scheduler {
  const Plan &plan;
  Schedule &schedule;
  std::vector<int> first = {}, last = {}; ///< by buffer: the step that makes it, the last that needs its memory

  bool overlap(int a, int c) const {
    if (a < 0 || c < 0)
      return a == c;
    if (plan.buffers[a].result || plan.buffers[c].result)
      return a == c;
    const Placement &x = schedule.placements[a], &y = schedule.placements[c];
    // Memory of a thread is touched by that thread alone: its order in the list is enough.
    if (x.perThread || y.perThread)
      return false;
    return x.offset < y.offset + y.bytes && y.offset < x.offset + x.bytes;
  }

  bool conflict(const Access &a, const Access &c) const {
    if (!(a.write || c.write) || !overlap(a.buffer, c.buffer))
      return false;
    bool sameRows =
        a.share == Share::Rows && c.share == Share::Rows && a.domain == c.domain && !a.gathered && !c.gathered;
    bool sameHeads = a.share == Share::Heads && c.share == Share::Heads;
    return !(sameRows && rowsCoincide(a.buffer, c.buffer)) && !(sameHeads && a.buffer == c.buffer);
  }

  // Whether row r of one buffer is the very memory of row r of the other.
  bool rowsCoincide(int a, int c) const {
    if (a < 0 || c < 0 || a == c)
      return a == c;
    return schedule.placements[a].offset == schedule.placements[c].offset &&
           plan.buffers[a].rowBytes == plan.buffers[c].rowBytes && !plan.buffers[a].result && !plan.buffers[c].result;
  }

  void placeBarriers() {
    schedule.barrierBefore.clear();
    std::vector<Access> sinceBarrier;
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      std::vector<Access> accesses = accessesOf(plan.steps[i], schedule.shares[i]);
      bool wait = false;
      for (const Access &before : sinceBarrier)
        for (const Access &now : accesses)
          wait |= conflict(before, now);
      schedule.barrierBefore.push_back(wait);
      if (wait)
        sinceBarrier.clear();
      sinceBarrier.insert(sinceBarrier.end(), accesses.begin(), accesses.end());
    }
  }

  void findLifetimes() {
    first.assign(plan.buffers.size(), -1);
    last.assign(plan.buffers.size(), -1);
    schedule.placements.resize(plan.buffers.size());
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      for (int buffer : plan.steps[i].outputs) {
        first[buffer] = i;
        last[buffer] = i;
        schedule.placements[buffer].perThread = schedule.shares[i] == Share::All;
      }
      for (int buffer : plan.steps[i].inputs)
        last[buffer] = i;
    }
  }

  // The barriers that the data need in any case: seen by giving every buffer memory of its own.
  void placeNecessaryBarriers() {
    int64_t end = 0;
    for (Placement &place : schedule.placements) {
      place.offset = end++;
      place.bytes = 1;
    }
    placeBarriers();
  }

  // Memory that is used again too early costs a barrier. So it stays taken until the next necessary one.
  void keepUntilNextBarrier() {
    placeNecessaryBarriers();
    for (int &step : last)
      while (step >= 0 && step + 1 < static_cast<int>(plan.steps.size()) && !schedule.barrierBefore[step + 1])
        ++step;
  }

  bool inChain(size_t step) const {
    return schedule.shares[step] == Share::Rows && plan.steps[step].domain == Domain::Tokens &&
           plan.steps[step].kind != Step::Pool;
  }

  void findChains() {
    placeNecessaryBarriers();
    for (size_t i = 1; i < plan.steps.size(); ++i)
      schedule.continuesChain[i] = !schedule.barrierBefore[i] && inChain(i) && inChain(i - 1);
  }

  // Chains end where a barrier came in with the memory that was chosen; true when there was one.
  bool cutChains() {
    bool cut = false;
    for (size_t i = 0; i < plan.steps.size(); ++i)
      if (schedule.barrierBefore[i] && schedule.continuesChain[i]) {
        schedule.continuesChain[i] = false;
        cut = true;
      }
    return cut;
  }

  // Whether a step is the first product after attention.
  bool isFirstAfterAttention(int step) const {
    if (plan.steps[step].kind != Step::Linear)
      return false;
    while (step > 0 && plan.steps[step - 1].kind == Step::Rows)
      --step;
    return step > 0 && plan.steps[step - 1].kind == Step::Attend;
  }

  // Buffers that are made and read in one chain. What the first product after attention makes is better placed where
  // the queries were, which attention has just read: the memory of a block was used a layer ago and has left the
  // second-level cache (that product takes a quarter longer there, 1.5 % of a MiniLM sentence).
  void markBlocks() {
    for (size_t b = 0; b < plan.buffers.size(); ++b) {
      bool local = first[b] >= 0 && last[b] > first[b] && !plan.buffers[b].result && !isFirstAfterAttention(first[b]);
      for (int step = first[b] + 1; local && step <= last[b]; ++step)
        local = schedule.continuesChain[step];
      schedule.placements[b].block = local;
      schedule.placements[b].perThread = local;
    }
  }

  // First-fit over lifetimes: a buffer takes the lowest gap that no buffer alive at the same time occupies, and none
  // with rows of another size ever: then a thread's rows of the new buffer lie on its own rows of the old one, and no
  // barrier is needed between (SmolLM2's prefill: 67 barriers instead of 182, for 2 MB more of arena).
  void placeBuffers() {
    schedule.arenaBytes = schedule.threadBytes = 0;
    for (size_t b = 0; b < plan.buffers.size(); ++b) {
      Placement &place = schedule.placements[b];
      place.offset = place.bytes = 0;
      if (plan.buffers[b].result)
        continue;
      int64_t rows = place.block ? std::min(schedule.blockRows, schedule.maxRows) : schedule.maxRows;
      place.bytes = cpu::roundUp(rows, cpu::kRowUnit) * plan.buffers[b].rowBytes;
      std::vector<std::pair<int64_t, int64_t>> taken; // by buffers placed before whose lifetime meets ours
      for (size_t other = 0; other < b; ++other) {
        const Placement &there = schedule.placements[other];
        bool together = first[other] <= last[b] && first[b] <= last[other];
        bool otherRows = !place.block && plan.buffers[other].rowBytes != plan.buffers[b].rowBytes;
        if (!plan.buffers[other].result && there.perThread == place.perThread && (together || otherRows))
          taken.emplace_back(there.offset, there.offset + there.bytes);
      }
      std::sort(taken.begin(), taken.end());
      for (auto [begin, end] : taken)
        if (begin < place.offset + place.bytes)
          place.offset = std::max(place.offset, cpu::roundUp(end, 64));
      int64_t &total = place.perThread ? schedule.threadBytes : schedule.arenaBytes;
      total = std::max(total, cpu::roundUp(place.offset + place.bytes, 64));
    }
  }

  void placeScratch() {
    schedule.rowInfoOffset = schedule.threadBytes;
    schedule.threadBytes += cpu::roundUp(schedule.maxRows * cpu::kRowInfoBytes, 64);
    int64_t scratch = 64;
    for (const Step &step : plan.steps) {
      if (step.kind == Step::Rows)
        scratch = std::max(scratch, step.rows.scratchBytes());
      if (step.kind == Step::Attend)
        scratch = std::max(scratch, step.attention.scratchBytes());
    }
    schedule.scratchOffset = schedule.threadBytes;
    schedule.threadBytes += cpu::roundUp(scratch, 64);
  }
};
} // namespace

Schedule makeSchedule(const Plan &plan, bool few, int64_t maxRows, int64_t blockRows) {
  Schedule schedule;
  schedule.few = few;
  schedule.maxRows = maxRows;
  schedule.blockRows = blockRows;
  schedule.continuesChain.assign(plan.steps.size(), false);
  for (const Step &step : plan.steps)
    schedule.shares.push_back(shareOf(plan, step, few));
  Scheduler scheduler{plan, schedule};
  scheduler.findLifetimes();
  if (few) { // where rows are shared out, placeBuffers alone avoids these barriers, and the arena stays smaller
    scheduler.keepUntilNextBarrier();
    scheduler.placeBuffers();
    scheduler.placeBarriers();
  } else {
    scheduler.findChains();
    do {
      scheduler.markBlocks();
      scheduler.placeBuffers();
      scheduler.placeBarriers();
    } while (scheduler.cutChains());
  }
  scheduler.placeScratch();
  return schedule;
}

} // namespace lmopt::lower
