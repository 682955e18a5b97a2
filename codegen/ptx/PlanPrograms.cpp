// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See PlanPrograms.h. Launches follow one another, so memory is free again as soon as the last step that reads it has
// been launched; waits stand where a grid barrier would have to.
#include "codegen/ptx/PlanPrograms.h"

#include "codegen/plan/FormSteps.h"
#include "codegen/plan/Schedule.h"
#include "codegen/ptx/Ptx.h"
#include "codegen/ptx/Rows.h"
#include "codegen/ptx/ranking/TopLogits.h"
#include "dialects/lm/conditional/Conditional.h"
#include "dialects/lm/interfaces/Step.h"

#include "lmopt/abi.h"

#include "mlir/Pass/Pass.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::nvptx {

namespace {

class PtxModels : public plan::LayoutModels {
public:
  StringRef targetName() const override { return "NVIDIA GPUs"; }
  bool hasModel(Operation *op, bool isKernel) const override {
    return isKernel ? isa<KernelOpInterface>(op) : isa<RowOpInterface>(op);
  }
  std::string remedyFor(Operation *op) const override {
    return isa<lm::GroupedExpertsOp>(op)
               ? "; leave experts in f32: with the recipe int8, bf16 or f32, or with the option skip of "
                 "lm-quantize-groups and lm-keep-native"
               : "";
  }
  LogicalResult prepare(Operation *op, plan::ProgramOp program) const override {
    auto kernel = dyn_cast<KernelOpInterface>(op);
    return kernel ? kernel.prepare(program) : cast<RowOpInterface>(op).prepare(program);
  }
  void getPackedWeights(Operation *op, plan::ProgramOp program, SmallVectorImpl<plan::PackedUse> &uses) const override {
    if (auto kernel = dyn_cast<KernelOpInterface>(op))
      kernel.getPackedWeights(program, uses);
    else
      cast<RowOpInterface>(op).getPackedWeights(program, uses);
  }
  int64_t mostRows() const override { return kPrefillRows; }
  int64_t getStateBytes(plan::StepOp step) const override { return kernelOf(step).getStateBytes(step); }
  bool writesPackedRows(plan::StepOp step) const override { return kernelOf(step).writesPackedRows(); }
};

class ProgramScheduler {
public:
  ProgramScheduler(plan::ProgramOp program, bool few, int64_t maxRows)
      : program(program), numbers(program), steps(plan::stepsOf(program)), builder(program) {
    problem.few = true; // no chains: every step is done by the whole GPU
    problem.maxRows = maxRows;
    program.setFew(few);
  }

  void run() {
    for (OpResult rows : numbers.all())
      addBuffer(rows);
    for (plan::StepOp step : steps)
      addStep(step);
    for (const LaunchGroup &group : launchGroups(program))
      keepForLast(group);
    plan::Schedule schedule = plan::makeSchedule(problem);
    for (auto [step, wait] : llvm::zip_equal(steps, schedule.waitBefore)) {
      writeStep(schedule, step);
      OpBuilder before(step);
      if (wait)
        plan::WaitOp::create(before, step.getLoc());
    }
    writeMemory(schedule);
  }

private:
  plan::ProgramOp program;
  plan::RowNumbers numbers;
  SmallVector<plan::StepOp> steps;
  Builder builder;
  plan::Problem problem = {};

  void addBuffer(OpResult rows) {
    auto type = cast<plan::RowsType>(rows.getType());
    bool isResult = plan::resultNumber(program, rows).has_value(); // the caller's rows are not padded
    problem.buffers.push_back({isResult ? 4 * type.getWidth() : placedRowBytes(type), isResult});
  }

  SmallVector<int> numbersOf(ArrayRef<Value> rows) {
    return llvm::to_vector(llvm::map_range(rows, [&](Value value) { return numbers[value]; }));
  }

  void addStep(plan::StepOp step) {
    plan::ProblemStep wanted;
    wanted.domain = step.getDomain();
    wanted.share = plan::Share::panels;
    llvm::append_range(wanted.inputs, numbersOf(step.getRowInputs()));
    llvm::append_range(wanted.outputs, numbersOf(step.getRowResults()));
    // Encoders keep no cache: who attends reads the keys and values where they were made.
    wanted.accesses = plan::accessesOf(step, wanted.share, numbers);
    if (plan::StepOp maker = plan::stateMaker(step); maker && !program.isDecoder())
      for (int buffer : numbersOf(maker.getRowInputs())) {
        wanted.inputs.push_back(buffer);
        wanted.accesses.push_back({buffer, /*write=*/false, wanted.share, /*anyRow=*/true, step.getDomain()});
      }
    problem.steps.push_back(std::move(wanted));
  }

  // A launch that does what several steps do reads until its end what each of them reads, and writes what each of them
  // makes.
  void keepForLast(const LaunchGroup &group) {
    auto last = static_cast<size_t>(llvm::find(steps, group.last()) - steps.begin());
    plan::ProblemStep &kept = problem.steps[last];
    for (size_t i = last + 1 - group.steps.size(); i < last; ++i) {
      llvm::append_range(kept.inputs, problem.steps[i].outputs);
      for (int buffer : problem.steps[i].inputs) {
        kept.inputs.push_back(buffer);
        kept.accesses.push_back({buffer, /*write=*/false, kept.share, /*anyRow=*/true, kept.domain});
      }
    }
  }

  void writeStep(const plan::Schedule &schedule, plan::StepOp step) {
    auto placeOf = [&](OpResult result) -> Attribute {
      plan::Placement place;
      if (plan::isRows(result))
        place = schedule.places[static_cast<size_t>(numbers[result])];
      return plan::PlaceAttr::get(program.getContext(), place.memory, place.offset, place.rows, place.rowBytes);
    };
    step.setShare(plan::Share::panels);
    step.setPlacesAttr(builder.getArrayAttr(llvm::map_to_vector(step->getResults(), placeOf)));
  }

  // A decoder's program of few rows is "decode_top", too.
  bool isTopEntry() { return program.isDecoder() && program.getFew(); }

  void writeMemory(const plan::Schedule &schedule) {
    int64_t scratch = 0;
    for (plan::StepOp step : steps)
      if (step.isKernel())
        scratch = std::max(scratch, kernelOf(step).getScratchBytes(step, problem.maxRows));
    if (isTopEntry()) // after the last step, whose scratch is free by then
      scratch = std::max(scratch, topLogitsOf(program).listsBytes(problem.maxRows));
    program.setMaxRows(problem.maxRows);
    program.setRowInfoOffset(0);
    program.setScratchOffset(roundUp(schedule.arenaBytes, 256));
    program.setArenaBytes(*program.getScratchOffset() + roundUp(scratch, 256));
    program.setThreadBytes(0);
  }
};

LogicalResult checkLayouts(plan::ProgramOp program) {
  if (program.isScheduled())
    return program.emitOpError("expected a program that is not scheduled yet");
  PtxModels models;
  for (plan::StepOp step : plan::stepsOf(program))
    for (Operation &op : step.getBody().front().without_terminator()) {
      SmallVector<plan::PackedUse> uses;
      if (models.hasModel(&op, step.isKernel()))
        models.getPackedWeights(&op, program, uses);
      if (!models.hasModel(&op, step.isKernel()) ||
          llvm::any_of(uses, [&](const plan::PackedUse &use) { return plan::weightNumber(step, use) < 0; }))
        return step.emitOpError("expected packed weights for GPUs; run ptx-choose-layouts before");
    }
  return success();
}

template <class Run>
struct PlanPass : PassWrapper<PlanPass<Run>, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PlanPass)
  StringRef getArgument() const final { return Run::argument; }
  StringRef getDescription() const final { return Run::description; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<plan::PlanDialect, PtxDialect>();
  }
  void runOnOperation() override {
    if (failed(Run::run(this->getOperation())))
      this->signalPassFailure();
  }
};
struct ChooseLayouts {
  static constexpr StringLiteral argument = "ptx-choose-layouts";
  static constexpr StringLiteral description = "Pack the weights of a program of steps for NVIDIA GPUs";
  static LogicalResult run(ModuleOp module) { return chooseLayouts(module); }
};
struct SchedulePrograms {
  static constexpr StringLiteral argument = "ptx-schedule";
  static constexpr StringLiteral description = "Schedule a program of steps for NVIDIA GPUs";
  static LogicalResult run(ModuleOp module) { return schedulePrograms(module); }
};
} // namespace

LogicalResult chooseLayouts(ModuleOp module) { return plan::chooseLayouts(module, PtxModels()); }

LogicalResult schedulePrograms(ModuleOp module) {
  for (auto program : llvm::make_early_inc_range(module.getOps<plan::ProgramOp>())) {
    if (failed(checkLayouts(program)))
      return failure();
    if (!program.isDecoder()) { // an encoder never splits a sequence, so a step must hold the longest one
      ProgramScheduler(program, /*few=*/false, std::max(kPrefillRows, roundUp(program.getMaxPositions(), 8))).run();
      continue;
    }
    if (program.getSymName() == plan::kTopFunction) {
      program.setSymName(LMOPT_ENTRY_DECODE_TOP);
      ProgramScheduler(program, /*few=*/true, kTopRows).run();
      continue;
    }
    if (program.getSymName() == plan::kScoreFunction) {
      ProgramScheduler(program, /*few=*/false, kPrefillRows).run();
      continue;
    }
    auto decode = cast<plan::ProgramOp>(program->clone());
    program->getBlock()->getOperations().insertAfter(Block::iterator(program), decode);
    program.setSymName(LMOPT_ENTRY_PREFILL);
    decode.setSymName(LMOPT_ENTRY_DECODE);
    ProgramScheduler(program, /*few=*/false, kPrefillRows).run();
    ProgramScheduler(decode, /*few=*/true, kDecodeRows).run();
  }
  return success();
}

void registerPlanPasses() {
  PassRegistration<PlanPass<ChooseLayouts>>();
  PassRegistration<PlanPass<SchedulePrograms>>();
}

} // namespace lmopt::nvptx
