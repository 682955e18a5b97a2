// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See SchedulePrograms.h.
#include "codegen/cpu/SchedulePrograms.h"

#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/RowInfo.h"
#include "codegen/cpu/rows/RowModel.h"
#include "codegen/plan/FormSteps.h"
#include "codegen/plan/Schedule.h"
#include "dialects/lm/interfaces/Step.h"

#include "mlir/Pass/Pass.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::cpu {

namespace {

class ProgramScheduler {
public:
  ProgramScheduler(plan::ProgramOp program, bool few, int64_t maxRows, int64_t blockRows)
      : program(program), numbers(program), steps(plan::stepsOf(program)), builder(program) {
    problem.few = few;
    problem.maxRows = maxRows;
    problem.blockRows = blockRows;
    problem.rowUnit = kRowUnit;
  }

  void run() {
    for (OpResult rows : numbers.all())
      addBuffer(rows);
    for (plan::StepOp step : steps)
      addStep(step);
    plan::Schedule schedule = plan::makeSchedule(problem);
    writeSteps(schedule);
    writeMemory(schedule);
    makeChains(schedule);
  }

private:
  plan::ProgramOp program;
  plan::RowNumbers numbers;
  SmallVector<plan::StepOp> steps;
  Builder builder;
  plan::Problem problem = {};

  //===--- From the program to the problem ---===//

  bool isResult(Value rows) { return plan::resultNumber(program, rows).has_value(); }

  void addBuffer(OpResult rows) {
    auto type = cast<plan::RowsType>(rows.getType());
    bool result = isResult(rows); // the caller's rows are not padded
    problem.buffers.push_back({result ? 4 * type.getWidth() : paddedRowBytes(type), result});
  }

  std::vector<int> numbersOf(ArrayRef<Value> rows) {
    std::vector<int> found;
    for (Value value : rows)
      found.push_back(numbers[value]);
    return found;
  }

  plan::Share shareOf(plan::StepOp step) {
    if (step.isKernel())
      return kernelOf(step).getShare(step, problem.few);
    bool writesResult = llvm::any_of(step.getResults(), [&](Value rows) { return isResult(rows); });
    // Few rows are done by every thread for itself: cheaper than a wait.
    return problem.few && !writesResult ? plan::Share::all : plan::Share::rows;
  }

  void addStep(plan::StepOp step) {
    plan::ProblemStep wanted;
    wanted.domain = step.getDomain();
    wanted.share = shareOf(step);
    wanted.rowWise = !step.isKernel();
    wanted.mixesRows = step.isKernel() && cast<lm::StepOpInterface>(step.getKernelOp()).mixesRows();
    wanted.inputs = numbersOf(step.getRowInputs());
    wanted.outputs = numbersOf(step.getRowResults());
    wanted.accesses = plan::accessesOf(step, wanted.share, numbers);
    problem.steps.push_back(std::move(wanted));
  }

  //===--- From the schedule to the program ---===//

  Attribute placeOf(const plan::Schedule &schedule, OpResult result) {
    plan::Placement place;
    if (plan::isRows(result))
      place = schedule.places[numbers[result]];
    return plan::PlaceAttr::get(program.getContext(), place.memory, place.offset, place.rows, place.rowBytes);
  }

  void writeSteps(const plan::Schedule &schedule) {
    for (auto [step, wanted] : llvm::zip_equal(steps, problem.steps)) {
      step.setShare(wanted.share);
      auto places = llvm::map_to_vector(step->getResults(), [&](OpResult result) { return placeOf(schedule, result); });
      step.setPlacesAttr(builder.getArrayAttr(places));
    }
  }

  int64_t scratchBytes() {
    int64_t bytes = 64;
    for (plan::StepOp step : steps)
      bytes = std::max(bytes, step.isKernel() ? kernelOf(step).getScratchBytes() : rowProgramOf(step).scratchBytes());
    return bytes;
  }

  // Behind the rows of a thread: its table of rows, then its scratch.
  void writeMemory(const plan::Schedule &schedule) {
    int64_t scratchOffset = schedule.threadBytes + roundUp(problem.maxRows * kRowInfoBytes, 64);
    program.setFew(problem.few);
    program.setMaxRows(problem.maxRows);
    program.setArenaBytes(schedule.arenaBytes);
    program.setRowInfoOffset(schedule.threadBytes);
    program.setScratchOffset(scratchOffset);
    program.setThreadBytes(scratchOffset + roundUp(scratchBytes(), 64));
  }

  void makeChains(const plan::Schedule &schedule) {
    for (size_t i = 0, end; i < steps.size(); i = end) {
      end = i + 1;
      while (end < steps.size() && schedule.continuesChain[end])
        ++end;
      OpBuilder before(steps[i]);
      if (schedule.waitBefore[i])
        plan::WaitOp::create(before, steps[i].getLoc());
      if (end - i > 1)
        makeChain(before, MutableArrayRef(steps).slice(i, end - i));
    }
  }

  void makeChain(OpBuilder &before, MutableArrayRef<plan::StepOp> members) {
    auto isMember = [&](Operation *user) { return llvm::is_contained(members, dyn_cast<plan::StepOp>(user)); };
    SmallVector<Value> leaving;
    for (plan::StepOp step : members)
      for (Value result : step.getResults())
        if (!llvm::all_of(result.getUsers(), isMember))
          leaving.push_back(result);
    auto chain =
        plan::ChainOp::create(before, members.front().getLoc(), TypeRange(ValueRange(leaving)), problem.blockRows);
    for (auto [inside, outside] : llvm::zip_equal(leaving, chain.getResults()))
      inside.replaceUsesWithIf(outside, [&](OpOperand &use) { return !isMember(use.getOwner()); });
    OpBuilder::InsertionGuard guard(before);
    Block *body = before.createBlock(&chain.getBody());
    for (plan::StepOp step : members)
      step->moveBefore(body, body->end());
    before.setInsertionPointToEnd(body);
    plan::YieldOp::create(before, chain.getLoc(), leaving);
  }
};

struct SchedulePass : public PassWrapper<SchedulePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SchedulePass)
  StringRef getArgument() const final { return "cpu-schedule"; }
  StringRef getDescription() const final { return "Schedule a program of steps for teams of threads on CPUs"; }
  void getDependentDialects(DialectRegistry &registry) const override { registry.insert<CpuDialect>(); }
  void runOnOperation() override {
    if (failed(schedulePrograms(getOperation())))
      signalPassFailure();
  }
};
} // namespace

void scheduleProgram(plan::ProgramOp program, bool few, int64_t maxRows, int64_t blockRows) {
  ProgramScheduler(program, few, maxRows, blockRows).run();
}

/// What a text may lack that the passes before would have made.
static LogicalResult checkLayouts(plan::ProgramOp program) {
  if (program.isScheduled())
    return program.emitOpError("expected a program that is not scheduled yet");
  for (plan::StepOp step : plan::stepsOf(program))
    for (Operation &op : step.getBody().front().without_terminator()) {
      bool known = step.isKernel() ? isa<KernelOpInterface>(op) : isa<RowOpInterface>(op);
      if (!known || llvm::any_of(packedWeightsOf(&op, program),
                                 [&](const PackedUse &use) { return weightNumber(step, use) < 0; }))
        return step.emitOpError("expected packed weights for CPUs; run cpu-choose-layouts before");
    }
  return success();
}

LogicalResult schedulePrograms(ModuleOp module) {
  for (auto program : llvm::make_early_inc_range(module.getOps<plan::ProgramOp>())) {
    if (failed(checkLayouts(program)))
      return failure();
    if (!program.isDecoder()) { // an encoder never splits a sequence, so a step must hold the longest one
      scheduleProgram(program, /*few=*/false, std::max<int64_t>(kPrefillRows, roundUp(program.getMaxPositions(), 8)));
      continue;
    }
    if (program.getSymName() == plan::kTopFunction) {
      program.setSymName("decode_top");
      scheduleProgram(program, /*few=*/true, kDecodeRows);
      continue;
    }
    if (program.getSymName() == plan::kScoreFunction) {
      scheduleProgram(program, /*few=*/false, kPrefillRows);
      continue;
    }
    auto decode = cast<plan::ProgramOp>(program->clone());
    program->getBlock()->getOperations().insertAfter(Block::iterator(program), decode);
    program.setSymName("prefill");
    decode.setSymName("decode");
    scheduleProgram(program, /*few=*/false, kPrefillRows);
    scheduleProgram(decode, /*few=*/true, kDecodeRows);
  }
  return success();
}

void registerSchedulePass() { PassRegistration<SchedulePass>(); }

} // namespace lmopt::cpu
