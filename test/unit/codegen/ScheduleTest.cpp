// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Schedules by acting them out: for teams of several sizes, every step of every thread is written down as the bytes
// that it reads and writes. Two threads may then touch the same byte between two barriers only when both read; and what
// a step reads must be what the step that made the buffer wrote. This knows nothing of how the schedule finds
// conflicts.
#include "codegen/lower/Schedule.h"
#include "codegen/cpu/RowInfo.h"
#include "test/unit/codegen/TestModule.h"

#include <map>

using namespace lmopt;
using lower::Domain;
using lower::Share;

namespace {

/// Where bytes lie: a name for the memory (arena, memory of a thread, cache, result) and a range in it.
struct Touch {
  std::string memory;
  int64_t begin, end;
  bool write;
  int64_t thread;
  size_t step;
};

struct Segment {
  int64_t position, row, rows;
};

class Rehearsal {
public:
  Rehearsal(const lower::Plan &plan, const lower::Schedule &schedule, std::vector<Segment> segments,
            std::vector<int64_t> outputRows, int64_t threads)
      : plan(plan), schedule(schedule), segments(std::move(segments)), outputRows(std::move(outputRows)),
        threads(threads) {}

  /// Touches of all threads, split at the barriers.
  std::vector<std::vector<Touch>> act() {
    std::vector<std::vector<Touch>> phases(1);
    for (size_t i = 0, end; i < plan.steps.size(); i = end) {
      end = i + 1;
      while (end < plan.steps.size() && schedule.continuesChain[end])
        ++end;
      if (schedule.barrierBefore[i])
        phases.emplace_back();
      into = &phases.back();
      for (thread = 0; thread < threads; ++thread)
        actChain(i, end);
    }
    return phases;
  }

private:
  const lower::Plan &plan;
  const lower::Schedule &schedule;
  std::vector<Segment> segments;
  std::vector<int64_t> outputRows;
  int64_t threads;
  std::vector<Touch> *into = nullptr;
  size_t step = 0;
  int64_t thread = 0;
  int64_t blockBegin = 0, blockEnd = INT64_MAX; ///< inside a chain

  /// One thread's share of the steps from `begin` to `end`, block by block where they are more than one.
  void actChain(size_t begin, size_t end) {
    auto [first, last] = share(count(Domain::Tokens), 8, thread, threads);
    if (end == begin + 1)
      return actStep(plan.steps[step = begin], schedule.shares[begin]);
    for (blockBegin = first; blockBegin < last; blockBegin += schedule.blockRows) {
      blockEnd = blockBegin + schedule.blockRows;
      for (step = begin; step < end; ++step)
        actStep(plan.steps[step], schedule.shares[step]);
    }
    blockBegin = 0;
    blockEnd = INT64_MAX;
  }

  int64_t count(Domain domain) const {
    if (domain == Domain::Outputs)
      return outputRows.size();
    return domain == Domain::Segments ? segments.size() : segments.back().row + segments.back().rows;
  }

  static std::pair<int64_t, int64_t> share(int64_t count, int64_t unit, int64_t thread, int64_t threads) {
    int64_t units = (count + unit - 1) / unit;
    return {units * thread / threads * unit, std::min(units * (thread + 1) / threads * unit, count)};
  }
  std::pair<int64_t, int64_t> rows(Domain domain, Share how) const {
    if (how != Share::Rows)
      return {0, count(domain)};
    auto [begin, end] = share(count(domain), 8, thread, threads);
    return {std::max(begin, blockBegin), std::min(end, blockEnd)};
  }

  void touch(int buffer, int64_t row, bool write, int64_t begin = 0, int64_t end = -1) {
    const lower::Buffer &b = plan.buffers[buffer];
    const lower::Placement &place = schedule.placements[buffer];
    if (end < 0 || end > b.rowBytes)
      end = b.rowBytes;
    std::string memory = b.result          ? "result " + std::to_string(*b.result)
                         : place.perThread ? "thread " + std::to_string(thread)
                                           : "arena";
    int64_t start = (b.result ? 0 : place.offset) + (row - (place.block ? blockBegin : 0)) * b.rowBytes;
    if (place.block) {
      EXPECT_TRUE(row >= blockBegin && row < blockEnd) << "step " << step << " leaves its block";
    }
    into->push_back({memory, start + begin, start + end, write, thread, step});
  }
  void touchCache(const lower::Step &s, size_t segment, int64_t kvHead, int64_t begin, int64_t end, bool write) {
    std::string memory =
        "cache " + std::to_string(segment) + " " + std::to_string(s.layerOffset) + " " + std::to_string(kvHead);
    into->push_back({memory, begin, end, write, thread, step});
  }
  std::pair<size_t, int64_t> placeOf(int64_t row) const { // segment and position of a row
    for (size_t s = 0; s < segments.size(); ++s)
      if (row < segments[s].row + segments[s].rows)
        return {s, segments[s].position + row - segments[s].row};
    return {0, 0};
  }

  void actStep(const lower::Step &s, Share how) {
    auto [begin, end] = rows(s.domain, how);
    switch (s.kind) {
    case lower::Step::Rows:
      for (int64_t r = begin; r < end; ++r) {
        for (size_t i = 0; i < s.inputs.size(); ++i)
          touch(s.inputs[i], s.rows.inputs[i].gathered ? outputRows[r] : r, false);
        for (int out : s.outputs)
          touch(out, r, true);
      }
      return;
    case lower::Step::Linear: {
      std::pair<int64_t, int64_t> panels = {0, s.linear.panels()};
      if (how == Share::Panels)
        panels = share(s.linear.panels(), 4, thread, threads);
      for (int64_t r = begin; r < end && panels.first < panels.second; ++r) {
        touch(s.inputs[0], r, false);
        touch(s.outputs[0], r, true, panels.first * 64, panels.second * 64);
      }
      return;
    }
    case lower::Step::StoreKeysValues:
      return store(s, how, begin, end);
    case lower::Step::Attend:
      return how == Share::Heads ? attendHeads(s) : attendTurns(s);
    case lower::Step::Pool:
      for (int64_t i = begin; i < end; ++i) {
        for (int64_t r = 0; r < segments[i].rows; ++r)
          touch(s.inputs[0], segments[i].row + r, false);
        touch(s.outputs[0], i, true);
      }
    }
  }

  void store(const lower::Step &s, Share how, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      for (int64_t h = 0; h < s.attention.kvHeads; ++h) {
        if (how == Share::Heads && (r * s.attention.kvHeads + h) % threads != thread)
          continue;
        int64_t head = 4 * s.attention.headDim;
        for (int in : s.inputs)
          touch(in, r, false, h * head, (h + 1) * head);
        auto [segment, position] = placeOf(r);
        touchCache(s, segment, h, position, position + 1, true);
      }
  }

  void attendOne(const lower::Step &s, int64_t row, int64_t head, int64_t last) {
    int64_t bytes = 4 * s.attention.headDim;
    touch(s.inputs[0], row, false, head * bytes, (head + 1) * bytes);
    touch(s.outputs[0], row, true, head * bytes, (head + 1) * bytes);
    touchCache(s, placeOf(row).first, head / s.attention.group(), 0, last, false);
  }

  void attendHeads(const lower::Step &s) {
    for (int64_t item = thread; item < count(Domain::Tokens) * s.attention.kvHeads; item += threads)
      for (int64_t g = 0; g < s.attention.group(); ++g) {
        int64_t row = item / s.attention.kvHeads, kvHead = item % s.attention.kvHeads;
        attendOne(s, row, kvHead * s.attention.group() + g, placeOf(row).second + 1);
      }
  }

  void attendTurns(const lower::Step &s) {
    for (const Segment &segment : segments) {
      int64_t blocks = (segment.rows + 7) / 8;
      for (int64_t item = thread; item < blocks * s.attention.heads; item += threads)
        for (int64_t r = item / s.attention.heads * 8; r < std::min(item / s.attention.heads * 8 + 8, segment.rows);
             ++r)
          attendOne(s, segment.row + r, item % s.attention.heads, segment.position + segment.rows);
    }
  }
};

bool clash(const Touch &a, const Touch &b) {
  return a.thread != b.thread && (a.write || b.write) && a.memory == b.memory && a.begin < b.end && b.begin < a.end;
}

/// The first clash between two barriers as text, or "".
std::string firstClash(const std::vector<std::vector<Touch>> &phases) {
  for (const std::vector<Touch> &phase : phases)
    for (size_t i = 0; i < phase.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (clash(phase[i], phase[j]))
          return "steps " + std::to_string(phase[j].step) + " and " + std::to_string(phase[i].step) + " in " +
                 phase[i].memory;
  return "";
}

class Scheduled : public testing::TestWithParam<std::tuple<const char *, bool>> {
protected:
  Scheduled() : module(test::TestModule::fromFile(std::get<0>(GetParam()))) {}

  void SetUp() override {
    bool unsupported = false;
    ASSERT_TRUE(mlir::succeeded(lower::buildPlan(module.get(), plan, unsupported)));
    few = std::get<1>(GetParam());
    schedule = lower::makeSchedule(plan, few, few ? 16 : 64, /*blockRows=*/16);
    ASSERT_EQ(schedule.shares.size(), plan.steps.size());
    ASSERT_EQ(schedule.barrierBefore.size(), plan.steps.size());
  }

  std::vector<std::vector<Touch>> act(int64_t threads, bool large) {
    std::vector<Segment> segments = {{5, 0, 1}, {0, 1, 1}, {9, 2, 1}};
    std::vector<int64_t> outputRows = {0, 1, 2};
    if (!few) {
      segments = {{plan.decoder ? 16 : 0, 0, 41}, {0, 41, 9}, {0, 50, 14}}; // all rows that fit
      outputRows = {3, 7, 11, 15, 19, 23, 27, 31, 35, 40, 49, 63};
    }
    if (!large) {
      segments = {{3, 0, 1}};
      outputRows = {0};
    }
    return Rehearsal(plan, schedule, segments, outputRows, threads).act();
  }

  test::TestModule module;
  lower::Plan plan;
  bool few = false;
  lower::Schedule schedule;
};

TEST_P(Scheduled, NoTwoThreadsClash) {
  for (int64_t threads : {1, 2, 3, 5})
    for (bool large : {false, true})
      EXPECT_EQ(firstClash(act(threads, large)), "") << threads << " threads";
}

// A barrier that could go would cost every token its time.
TEST_P(Scheduled, EveryBarrierIsNeeded) {
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    if (!schedule.barrierBefore[i])
      continue;
    schedule.barrierBefore[i] = false;
    EXPECT_NE(firstClash(act(3, true)), "") << "before step " << i << ", " << plan.steps[i].name;
    schedule.barrierBefore[i] = true;
  }
}

// For few rows each is needed by the data, not by memory that was used again too early.
TEST_P(Scheduled, BarriersForFewRowsAreNotMadeByMemory) {
  if (!few)
    return;
  for (size_t b = 0; b < plan.buffers.size(); ++b)
    schedule.placements[b].offset = b << 32;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    if (!schedule.barrierBefore[i])
      continue;
    schedule.barrierBefore[i] = false;
    EXPECT_NE(firstClash(act(3, true)), "") << "before step " << i << ", " << plan.steps[i].name;
    schedule.barrierBefore[i] = true;
  }
}

// What lies between two products of a layer is never larger than a block.
TEST_P(Scheduled, ChainsHaveNoBarrierAndKeepTheirRowsInBlocks) {
  int64_t blocks = 0;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    EXPECT_FALSE(schedule.continuesChain[i] && schedule.barrierBefore[i]) << "step " << i;
    EXPECT_FALSE(schedule.continuesChain[i] && few) << "step " << i;
  }
  for (const lower::Placement &place : schedule.placements) {
    blocks += place.block;
    EXPECT_TRUE(place.perThread || !place.block);
  }
  EXPECT_EQ(blocks > 0, !few);
}

// Nothing is overwritten between the step that made it and the last step that reads it, that step included: inputs and
// outputs of a step never share memory.
TEST_P(Scheduled, BuffersLiveUntilTheirLastReader) {
  std::map<int, size_t> maker;
  auto overlap = [&](int a, int b) {
    const lower::Placement &x = schedule.placements[a], &y = schedule.placements[b];
    return a != b && !plan.buffers[a].result && !plan.buffers[b].result && x.perThread == y.perThread &&
           x.offset < y.offset + y.bytes && y.offset < x.offset + x.bytes;
  };
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    for (int out : plan.steps[i].outputs) {
      EXPECT_TRUE(maker.emplace(out, i).second) << "buffer " << out << " is made twice";
      EXPECT_EQ(schedule.placements[out].offset % 64, 0);
    }
    for (int in : plan.steps[i].inputs) {
      ASSERT_TRUE(maker.count(in)) << "buffer " << in << " is read before it is made";
      for (size_t between = maker[in]; between <= i; ++between)
        for (int out : plan.steps[between].outputs)
          EXPECT_FALSE(overlap(in, out)) << "step " << between << " overwrites buffer " << in << " of step " << i;
    }
  }
}

TEST_P(Scheduled, MemoryHoldsAllBuffersAndScratch) {
  for (size_t b = 0; b < plan.buffers.size(); ++b) {
    const lower::Placement &place = schedule.placements[b];
    if (plan.buffers[b].result)
      continue;
    EXPECT_EQ(place.bytes, (place.block ? schedule.blockRows : schedule.maxRows) * plan.buffers[b].rowBytes);
    EXPECT_LE(place.offset + place.bytes, place.perThread ? schedule.rowInfoOffset : schedule.arenaBytes);
  }
  EXPECT_LE(schedule.rowInfoOffset + schedule.maxRows * cpu::kRowInfoBytes, schedule.scratchOffset);
  for (const lower::Step &step : plan.steps) {
    int64_t needed = step.kind == lower::Step::Rows     ? step.rows.scratchBytes()
                     : step.kind == lower::Step::Attend ? step.attention.scratchBytes()
                                                        : 0;
    EXPECT_LE(schedule.scratchOffset + needed, schedule.threadBytes);
  }
  EXPECT_EQ(schedule.threadBytes % 64, 0);
  EXPECT_EQ(schedule.scratchOffset % 64, 0);
}

INSTANTIATE_TEST_SUITE_P(Plans, Scheduled,
                         testing::Values(std::tuple("decoder.mlir", false), std::tuple("decoder.mlir", true),
                                         std::tuple("encoder.mlir", false)),
                         [](const auto &info) {
                           std::string name = std::get<0>(info.param);
                           return name.substr(0, name.find('.')) + (std::get<1>(info.param) ? "_few" : "_many");
                         });

} // namespace
