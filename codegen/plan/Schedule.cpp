// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Places, chains and waits; see Schedule.h.
#include "codegen/plan/Schedule.h"

#include <algorithm>

namespace lmopt::plan {

namespace {

int64_t roundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

struct Scheduler {
  const Problem &problem;
  Schedule &schedule;
  std::vector<int> first = {}, last = {}; ///< by buffer: the step that makes it, the last that needs its memory

  size_t stepCount() const { return problem.steps.size(); }
  size_t bufferCount() const { return problem.buffers.size(); }
  bool isResult(size_t buffer) const { return problem.buffers[buffer].result; }

  void placeWaits() {
    schedule.waitBefore.clear();
    std::vector<Access> sinceWait;
    for (const ProblemStep &step : problem.steps) {
      bool wait = false;
      for (const Access &before : sinceWait)
        for (const Access &now : step.accesses)
          wait |= conflict(before, now, schedule.places);
      schedule.waitBefore.push_back(wait);
      if (wait)
        sinceWait.clear();
      sinceWait.insert(sinceWait.end(), step.accesses.begin(), step.accesses.end());
    }
  }

  void findLifetimes() {
    first.assign(bufferCount(), -1);
    last.assign(bufferCount(), -1);
    schedule.places.resize(bufferCount());
    for (size_t i = 0; i < stepCount(); ++i) {
      const ProblemStep &step = problem.steps[i];
      for (int buffer : step.outputs) {
        first[buffer] = last[buffer] = static_cast<int>(i);
        schedule.places[buffer].memory = isResult(buffer)           ? Memory::result
                                         : step.share == Share::all ? Memory::thread
                                                                    : Memory::arena;
      }
      for (int buffer : step.inputs)
        last[buffer] = static_cast<int>(i);
    }
  }

  // The waits that the data need in any case: seen by giving all rows memory of their own.
  void placeNecessaryWaits() {
    int64_t end = 0;
    for (Placement &place : schedule.places) {
      place.offset = end++;
      place.rows = place.rowBytes = 1;
    }
    placeWaits();
  }

  // Memory that is used again too early costs a wait. So it stays taken until the next necessary one.
  void keepUntilNextWait() {
    placeNecessaryWaits();
    for (int &step : last)
      while (step >= 0 && step + 1 < static_cast<int>(stepCount()) && !schedule.waitBefore[step + 1])
        ++step;
  }

  bool inChain(size_t step) const {
    return problem.steps[step].share == Share::rows && problem.steps[step].domain == Domain::tokens;
  }

  void findChains() {
    placeNecessaryWaits();
    for (size_t i = 1; i < stepCount(); ++i)
      schedule.continuesChain[i] = !schedule.waitBefore[i] && inChain(i) && inChain(i - 1);
  }

  // Chains end where a wait came in with the memory that was chosen; true when there was one.
  bool cutChains() {
    bool cut = false;
    for (size_t i = 0; i < stepCount(); ++i)
      if (schedule.waitBefore[i] && schedule.continuesChain[i]) {
        schedule.continuesChain[i] = false;
        cut = true;
      }
    return cut;
  }

  // Whether a step is the first kernel after attention.
  bool isFirstAfterMixing(int step) const {
    if (problem.steps[step].rowWise)
      return false;
    while (step > 0 && problem.steps[step - 1].rowWise)
      --step;
    return step > 0 && problem.steps[step - 1].mixesRows;
  }

  // Rows that are made and read in one chain. What the first product after attention makes is better placed where
  // the queries were, which attention has just read: the memory of a block was used a layer ago and has left the
  // second-level cache (that product takes a quarter longer there, 1.5 % of a MiniLM sentence).
  void markBlocks() {
    for (size_t b = 0; b < bufferCount(); ++b) {
      bool local = first[b] >= 0 && last[b] > first[b] && !isResult(b) && !isFirstAfterMixing(first[b]);
      for (int step = first[b] + 1; local && step <= last[b]; ++step)
        local = schedule.continuesChain[step];
      if (!isResult(b))
        schedule.places[b].memory = local ? Memory::block : Memory::arena;
    }
  }

  // Whether the memory of rows placed before must not be that of rows `b`: while both are needed, and, unless they are
  // those of a block, ever when the rows are of another size: then a thread's rows of the new ones lie on its own rows
  // of the old ones, and no wait is needed between (SmolLM2's prefill: 67 waits instead of 182, for 2 MB more of
  // arena).
  bool excludes(size_t other, size_t b) const {
    const Placement &there = schedule.places[other], &place = schedule.places[b];
    bool together = first[other] <= last[b] && first[b] <= last[other];
    bool otherRows = place.memory != Memory::block && there.rowBytes != place.rowBytes;
    return !isResult(other) && there.isPrivate() == place.isPrivate() && (together || otherRows);
  }

  // First fit over lifetimes: the lowest gap.
  void fit(size_t b) {
    Placement &place = schedule.places[b];
    std::vector<std::pair<int64_t, int64_t>> taken;
    for (size_t other = 0; other < b; ++other)
      if (const Placement &there = schedule.places[other]; excludes(other, b))
        taken.emplace_back(there.offset, there.offset + there.bytes());
    std::sort(taken.begin(), taken.end());
    for (auto [begin, end] : taken)
      if (begin < place.offset + place.bytes())
        place.offset = std::max(place.offset, roundUp(end, 64));
    int64_t &total = place.isPrivate() ? schedule.threadBytes : schedule.arenaBytes;
    total = std::max(total, roundUp(place.offset + place.bytes(), 64));
  }

  void placeBuffers() {
    schedule.arenaBytes = schedule.threadBytes = 0;
    for (size_t b = 0; b < bufferCount(); ++b) {
      Placement &place = schedule.places[b];
      place.offset = 0;
      int64_t rows = place.memory == Memory::block ? std::min(problem.blockRows, problem.maxRows) : problem.maxRows;
      place.rows = isResult(b) ? problem.maxRows : roundUp(rows, problem.rowUnit);
      place.rowBytes = problem.buffers[b].rowBytes;
    }
    for (size_t b = 0; b < bufferCount(); ++b)
      if (!isResult(b))
        fit(b);
  }

  void run() {
    findLifetimes();
    if (problem.few) { // where rows are shared out, placeBuffers alone avoids these waits, and the arena stays smaller
      keepUntilNextWait();
      placeBuffers();
      placeWaits();
      return;
    }
    findChains();
    do {
      markBlocks();
      placeBuffers();
      placeWaits();
    } while (cutChains());
  }
};
} // namespace

Schedule makeSchedule(const Problem &problem) {
  Schedule schedule;
  schedule.continuesChain.assign(problem.steps.size(), false);
  Scheduler{problem, schedule}.run();
  return schedule;
}

} // namespace lmopt::plan
