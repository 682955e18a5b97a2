// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Schedules by acting them out: for teams of several sizes, every step of every thread is written down as the bytes
// that it reads and writes. Two threads may then touch the same byte between two barriers only when both read; and what
// a step reads must be what the step that made the buffer wrote. This knows nothing of how the schedule finds
// conflicts.
#include "codegen/cpu/ChooseLayouts.h"
#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/RowInfo.h"
#include "codegen/cpu/SchedulePrograms.h"
#include "codegen/cpu/attention/AttentionSpec.h"
#include "codegen/cpu/rows/RowModel.h"
#include "codegen/plan/FormSteps.h"
#include "dialects/lm/attention/Attention.h"
#include "dialects/lm/interfaces/Linear.h"
#include "dialects/lm/pooling/Pooling.h"
#include "test/unit/codegen/TestModule.h"

#include "mlir/IR/Verifier.h"

#include <map>

using namespace lmopt;
using plan::Domain;
using plan::Share;

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
  Rehearsal(plan::ProgramOp program, std::vector<Segment> segments, std::vector<int64_t> outputRows, int64_t threads)
      : program(program), numbers(program), steps(plan::stepsOf(program)), segments(std::move(segments)),
        outputRows(std::move(outputRows)), threads(threads) {}

  /// Touches of all threads, split at the waits.
  std::vector<std::vector<Touch>> act() {
    std::vector<std::vector<Touch>> phases(1);
    for (mlir::Operation &op : program.getBody().front()) {
      if (mlir::isa<plan::WaitOp>(op))
        phases.emplace_back();
      into = &phases.back();
      for (thread = 0; thread < threads; ++thread) {
        if (auto chain = mlir::dyn_cast<plan::ChainOp>(op))
          actChain(chain);
        else if (auto step = mlir::dyn_cast<plan::StepOp>(op))
          actStep(step);
      }
    }
    return phases;
  }

private:
  plan::ProgramOp program;
  plan::RowNumbers numbers;
  llvm::SmallVector<plan::StepOp> steps;
  std::vector<Segment> segments;
  std::vector<int64_t> outputRows;
  int64_t threads;
  std::vector<Touch> *into = nullptr;
  size_t step = 0;
  int64_t thread = 0;
  int64_t blockBegin = 0, blockEnd = INT64_MAX; ///< inside a chain

  /// One thread's share of the steps of a chain, block by block.
  void actChain(plan::ChainOp chain) {
    auto [first, last] = share(count(Domain::tokens), 8, thread, threads);
    int64_t rows = chain.getBlock();
    for (blockBegin = first; blockBegin < last; blockBegin += rows) {
      blockEnd = blockBegin + rows;
      for (auto member : chain.getBody().front().getOps<plan::StepOp>())
        actStep(member);
    }
    blockBegin = 0;
    blockEnd = INT64_MAX;
  }

  int64_t count(Domain domain) const {
    if (domain == Domain::outputs)
      return outputRows.size();
    return domain == Domain::segments ? segments.size() : segments.back().row + segments.back().rows;
  }

  static std::pair<int64_t, int64_t> share(int64_t count, int64_t unit, int64_t thread, int64_t threads) {
    int64_t units = (count + unit - 1) / unit;
    return {units * thread / threads * unit, std::min(units * (thread + 1) / threads * unit, count)};
  }
  std::pair<int64_t, int64_t> rows(plan::StepOp s) const {
    if (s.getShare() != Share::rows)
      return {0, count(s.getDomain())};
    auto [begin, end] = share(count(s.getDomain()), 8, thread, threads);
    return {std::max(begin, blockBegin), std::min(end, blockEnd)};
  }

  void touch(mlir::Value rows, int64_t row, bool write, int64_t begin = 0, int64_t end = -1) {
    plan::PlaceAttr place = plan::getPlace(rows);
    if (end < 0 || end > place.getRowBytes())
      end = place.getRowBytes();
    bool block = place.getMemory() == plan::Memory::block;
    std::string memory = place.isResult()    ? "result " + std::to_string(*plan::resultNumber(program, rows))
                         : place.isPrivate() ? "thread " + std::to_string(thread)
                                             : "arena";
    int64_t start = place.getOffset() + (row - (block ? blockBegin : 0)) * place.getRowBytes();
    if (block) {
      EXPECT_TRUE(row >= blockBegin && row < blockEnd) << "step " << step << " leaves its block";
    }
    into->push_back({memory, start + begin, start + end, write, thread, step});
  }
  void touchCache(plan::StepOp s, size_t segment, int64_t kvHead, int64_t begin, int64_t end, bool write) {
    std::string memory = (writesState(s) ? "state " : "cache ") + std::to_string(segment) + " " +
                         std::to_string(*s.getStateOffset()) + " " + std::to_string(kvHead);
    into->push_back({memory, begin, end, write, thread, step});
  }
  static lm::ProjectionAttr projectionOf(plan::StepOp s) {
    if (auto attend = mlir::dyn_cast<lm::AttendOp>(s.getKernelOp()))
      return attend.getProjectionAttr();
    return mlir::cast<lm::CacheAppendOp>(s.getKernelOp()).getProjectionAttr();
  }
  static bool writesState(plan::StepOp s) { return projectionOf(s) && projectionOf(s).isLearned(); }
  std::pair<size_t, int64_t> placeOf(int64_t row) const { // segment and position of a row
    for (size_t s = 0; s < segments.size(); ++s)
      if (row < segments[s].row + segments[s].rows)
        return {s, segments[s].position + row - segments[s].row};
    return {0, 0};
  }

  void actStep(plan::StepOp s) {
    step = llvm::find(steps, s) - steps.begin();
    if (!s.isKernel())
      return actRows(s);
    mlir::Operation *op = s.getKernelOp();
    if (mlir::isa<lm::LinearLikeOpInterface>(op))
      actLinear(s);
    else if (auto append = mlir::dyn_cast<lm::CacheAppendOp>(op))
      append.getProjection() ? project(s, append) : store(s, append);
    else if (auto attend = mlir::dyn_cast<lm::AttendOp>(op))
      s.getShare() == Share::heads ? attendHeads(s, attend) : attendTurns(s, attend);
    else
      actPool(s);
  }

  void actRows(plan::StepOp s) {
    auto [begin, end] = rows(s);
    for (int64_t r = begin; r < end; ++r) {
      for (mlir::Value in : s.getRowInputs()) {
        bool gathered =
            s.getDomain() == Domain::outputs && mlir::cast<plan::RowsType>(in.getType()).getDomain() == Domain::tokens;
        touch(in, gathered ? outputRows[r] : r, false);
      }
      for (mlir::Value out : s.getRowResults())
        touch(out, r, true);
    }
  }

  void actLinear(plan::StepOp s) {
    auto [begin, end] = rows(s);
    int64_t all = (mlir::cast<plan::RowsType>(s.getResult(0).getType()).getWidth() + 15) / 16;
    std::pair<int64_t, int64_t> panels = {0, all};
    if (s.getShare() == Share::panels)
      panels = share(all, 4, thread, threads);
    for (int64_t r = begin; r < end && panels.first < panels.second; ++r) {
      touch(s.getInputs()[0], r, false);
      touch(s.getResult(0), r, true, panels.first * 64, panels.second * 64);
    }
  }

  void actPool(plan::StepOp s) {
    ASSERT_TRUE(mlir::isa<lm::PoolOp>(s.getKernelOp()));
    auto [begin, end] = rows(s);
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t r = 0; r < segments[i].rows; ++r)
        touch(s.getInputs()[0], segments[i].row + r, false);
      touch(s.getResult(0), i, true);
    }
  }

  void store(plan::StepOp s, lm::CacheAppendOp append) {
    auto [begin, end] = rows(s);
    int64_t kvHeads = append.getKvHeads(), head = 4 * append.getHeadWidth();
    for (int64_t r = begin; r < end; ++r)
      for (int64_t h = 0; h < kvHeads; ++h) {
        if (s.getShare() == Share::heads && (r * kvHeads + h) % threads != thread)
          continue;
        for (mlir::Value in : s.getRowInputs())
          touch(in, r, false, h * head, (h + 1) * head);
        auto [segment, position] = placeOf(r);
        touchCache(s, segment, h, position, position + 1, true);
      }
  }

  void project(plan::StepOp s, lm::CacheAppendOp append) {
    int64_t kvHeads = append.getKvHeads(), bytes = 4 * append.getHeadWidth();
    for (size_t segment = 0; segment < segments.size(); ++segment) {
      int64_t made = projectionOf(s).rowsOf(segments[segment].rows);
      for (int64_t item = thread; item < (made + 3) / 4 * kvHeads; item += threads) {
        int64_t h = item % kvHeads, first = item / kvHeads * 4;
        for (int64_t r = 0; r < segments[segment].rows; ++r)
          for (mlir::Value in : s.getRowInputs())
            touch(in, segments[segment].row + r, false, h * bytes, (h + 1) * bytes);
        touchCache(s, segment, h, first, std::min(first + 4, made), true);
      }
    }
  }

  void attendOne(plan::StepOp s, lm::AttendOp attend, int64_t row, int64_t head, int64_t last) {
    int64_t bytes = 4 * attend.getHeadWidth(), group = attend.getHeads() / attend.getKvHeads();
    touch(s.getInputs()[0], row, false, head * bytes, (head + 1) * bytes);
    touch(s.getResult(0), row, true, head * bytes, (head + 1) * bytes);
    touchCache(s, placeOf(row).first, head / group, 0, last, false);
  }

  void attendHeads(plan::StepOp s, lm::AttendOp attend) {
    int64_t kvHeads = attend.getKvHeads(), group = attend.getHeads() / kvHeads;
    for (int64_t item = thread; item < count(Domain::tokens) * kvHeads; item += threads)
      for (int64_t g = 0; g < group; ++g) {
        int64_t row = item / kvHeads, kvHead = item % kvHeads;
        attendOne(s, attend, row, kvHead * group + g, placeOf(row).second + 1);
      }
  }

  void attendTurns(plan::StepOp s, lm::AttendOp attend) {
    int64_t heads = attend.getHeads();
    for (const Segment &segment : segments) {
      int64_t blocks = (segment.rows + 7) / 8;
      for (int64_t item = thread; item < blocks * heads; item += threads)
        for (int64_t r = item / heads * 8; r < std::min(item / heads * 8 + 8, segment.rows); ++r)
          attendOne(s, attend, segment.row + r, item % heads,
                    projectionOf(s) ? projectionOf(s).rowsOf(segment.rows) : segment.position + segment.rows);
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

constexpr int64_t kBlock = 16;

class Scheduled : public testing::TestWithParam<std::tuple<const char *, bool>> {
protected:
  Scheduled() : module(test::TestModule::fromFile(std::get<0>(GetParam()))) {}

  void SetUp() override {
    ASSERT_TRUE(mlir::succeeded(plan::formSteps(module.get())));
    ASSERT_TRUE(mlir::succeeded(cpu::chooseLayouts(module.get())));
    program = *module.get().getOps<plan::ProgramOp>().begin();
    few = std::get<1>(GetParam());
    cpu::scheduleProgram(program, few, few ? 16 : 64, kBlock);
    ASSERT_TRUE(mlir::succeeded(mlir::verify(module.get())));
    steps = plan::stepsOf(program);
    ASSERT_GE(steps.size(), 8u);
  }

  std::vector<std::vector<Touch>> act(int64_t threads, bool large) {
    std::vector<Segment> segments = {{5, 0, 1}, {0, 1, 1}, {9, 2, 1}};
    std::vector<int64_t> outputRows = {0, 1, 2};
    if (!few) {
      segments = {{program.isDecoder() ? 16 : 0, 0, 41}, {0, 41, 9}, {0, 50, 14}}; // all rows that fit
      outputRows = {3, 7, 11, 15, 19, 23, 27, 31, 35, 40, 49, 63};
    }
    if (!large) {
      segments = {{3, 0, 1}};
      outputRows = {0};
    }
    return Rehearsal(program, segments, outputRows, threads).act();
  }

  /// Calls `check` once without each wait.
  void withoutEachWait(const std::function<void(mlir::Operation *next)> &check) {
    for (plan::WaitOp wait : llvm::to_vector(program.getBody().front().getOps<plan::WaitOp>())) {
      mlir::Operation *next = wait->getNextNode();
      wait->remove();
      check(next);
      next->getBlock()->getOperations().insert(next->getIterator(), wait);
    }
  }

  std::vector<plan::PlaceAttr> places() {
    std::vector<plan::PlaceAttr> found;
    plan::RowNumbers numbers(program);
    for (mlir::OpResult rows : numbers.all())
      found.push_back(plan::getPlace(rows));
    return found;
  }

  test::TestModule module;
  plan::ProgramOp program;
  llvm::SmallVector<plan::StepOp> steps;
  bool few = false;
};

TEST_P(Scheduled, NoTwoThreadsClash) {
  for (int64_t threads : {1, 2, 3, 5})
    for (bool large : {false, true})
      EXPECT_EQ(firstClash(act(threads, large)), "") << threads << " threads";
}

// A wait that could go would cost every token its time. And the verifier sees what the rehearsal sees.
TEST_P(Scheduled, EveryWaitIsNeeded) {
  std::vector<std::string> messages;
  mlir::ScopedDiagnosticHandler handler(module.get().getContext(), [&](mlir::Diagnostic &diagnostic) {
    messages.push_back(diagnostic.str());
    return mlir::success();
  });
  withoutEachWait([&](mlir::Operation *next) {
    EXPECT_NE(firstClash(act(3, true)), "");
    messages.clear();
    EXPECT_TRUE(mlir::failed(mlir::verify(program)));
    ASSERT_FALSE(messages.empty());
    EXPECT_NE(messages[0].find("C4: expected plan.wait between"), std::string::npos) << messages[0];
  });
}

// For few rows each is needed by the data, not by memory that was used again too early.
TEST_P(Scheduled, WaitsForFewRowsAreNotMadeByMemory) {
  if (!few)
    return;
  int64_t apart = 0;
  for (plan::StepOp step : steps) {
    auto moved = llvm::map_to_vector(*step.getPlaces(), [&](mlir::Attribute attribute) -> mlir::Attribute {
      auto place = mlir::cast<plan::PlaceAttr>(attribute);
      return plan::PlaceAttr::get(place.getContext(), place.getMemory(), apart++ << 32, place.getRows(),
                                  place.getRowBytes());
    });
    step.setPlacesAttr(mlir::ArrayAttr::get(step.getContext(), moved));
  }
  withoutEachWait([&](mlir::Operation *) { EXPECT_NE(firstClash(act(3, true)), ""); });
}

// What lies between two products of a layer is never larger than a block.
TEST_P(Scheduled, ChainsKeepTheirRowsInBlocks) {
  auto chains = program.getBody().front().getOps<plan::ChainOp>();
  EXPECT_EQ(chains.empty(), few);
  int64_t blocks = 0;
  for (plan::PlaceAttr place : places()) {
    blocks += place.getMemory() == plan::Memory::block;
    EXPECT_LE(place.getMemory() == plan::Memory::block ? place.getRows() : 0, kBlock);
  }
  EXPECT_EQ(blocks > 0, !few);
}

// Nothing is overwritten between the step that made it and the last step that reads it, that step included: inputs and
// outputs of a step never share memory.
TEST_P(Scheduled, RowsLiveUntilTheirLastReader) {
  std::map<void *, size_t> maker;
  auto overlap = [&](mlir::Value a, mlir::Value b) {
    plan::PlaceAttr x = plan::getPlace(a), y = plan::getPlace(b);
    return plan::getMaker(a) != plan::getMaker(b) && !x.isResult() && !y.isResult() && x.isPrivate() == y.isPrivate() &&
           x.getOffset() < y.getOffset() + y.getBytes() && y.getOffset() < x.getOffset() + x.getBytes();
  };
  for (size_t i = 0; i < steps.size(); ++i) {
    for (mlir::Value out : steps[i].getRowResults()) {
      maker[out.getAsOpaquePointer()] = i;
      EXPECT_EQ(plan::getPlace(out).getOffset() % 64, 0);
    }
    for (mlir::Value in : steps[i].getRowInputs()) {
      auto made = maker.find(plan::getMaker(in).getAsOpaquePointer());
      ASSERT_NE(made, maker.end()) << "step " << i << " reads rows before they are made";
      for (size_t between = made->second; between <= i; ++between)
        for (mlir::Value out : steps[between].getRowResults())
          EXPECT_FALSE(overlap(in, out)) << "step " << between << " overwrites what step " << i << " reads";
    }
  }
}

TEST_P(Scheduled, MemoryHoldsAllRowsAndScratch) {
  int64_t maxRows = *program.getMaxRows(), rowInfo = *program.getRowInfoOffset();
  int64_t scratch = *program.getScratchOffset(), thread = *program.getThreadBytes();
  for (plan::PlaceAttr place : places()) {
    if (place.isResult())
      continue;
    EXPECT_EQ(place.getRows(), place.getMemory() == plan::Memory::block ? kBlock : maxRows);
    EXPECT_LE(place.getOffset() + place.getBytes(), place.isPrivate() ? rowInfo : int64_t(*program.getArenaBytes()));
  }
  EXPECT_LE(rowInfo + maxRows * cpu::kRowInfoBytes, scratch);
  for (plan::StepOp step : steps) {
    int64_t needed = step.isKernel() ? cpu::kernelOf(step).getScratchBytes() : cpu::rowProgramOf(step).scratchBytes();
    EXPECT_LE(scratch + needed, thread);
  }
  EXPECT_EQ(thread % 64, 0);
  EXPECT_EQ(scratch % 64, 0);
}

INSTANTIATE_TEST_SUITE_P(Plans, Scheduled,
                         testing::Values(std::tuple("decoder.mlir", false), std::tuple("decoder.mlir", true),
                                         std::tuple("encoder.mlir", false), std::tuple("projected.mlir", false)),
                         [](const auto &info) {
                           std::string name = std::get<0>(info.param);
                           return name.substr(0, name.find('.')) + (std::get<1>(info.param) ? "_few" : "_many");
                         });

} // namespace
