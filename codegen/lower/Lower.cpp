// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps, layouts, schedules, entry points; see Lower.h.
#include "codegen/lower/Lower.h"

#include "codegen/cpu/ChooseLayouts.h"
#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/EntryPoints.h"
#include "codegen/cpu/SchedulePrograms.h"
#include "codegen/plan/FormSteps.h"
#include "codegen/ptx/HostEntries.h"
#include "codegen/ptx/Images.h"
#include "codegen/ptx/Launches.h"
#include "codegen/ptx/PlanPrograms.h"
#include "codegen/ptx/persistent/Walker.h"
#include "codegen/ptx/ranking/TopLogits.h"
#include "dialects/lm/ranking/Ranking.h"
#include "dialects/lmk/Lmk.h"

#include "lmopt/abi.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/Pass.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::lower {

SmallVector<plan::WeightOp> LoweredModel::weights() const {
  return llvm::to_vector(ModuleOp(*plan).getOps<plan::WeightOp>());
}
SmallVector<plan::ProgramOp> LoweredModel::programs() const {
  return llvm::to_vector(ModuleOp(*plan).getOps<plan::ProgramOp>());
}

static void readConfig(ModuleOp module, ModelFacts &facts) {
  auto config = module->getAttrOfType<DictionaryAttr>("lm.config");
  if (auto name = config.getAs<StringAttr>("architecture"))
    facts.architecture = name.str();
  facts.vocabulary = config.getAs<IntegerAttr>("vocabulary").getInt();
}

static void readResults(plan::ReturnOp ret, std::vector<NamedResult> &results) {
  results.clear(); // every entry but "score" gives the same
  for (auto [value, name] : llvm::zip_equal(ret.getValues(), ret.getNames())) {
    auto rows = cast<plan::RowsType>(value.getType());
    results.push_back({cast<StringAttr>(name).str(), rows.getDomain(), rows.getWidth()});
  }
}

static void readInputs(plan::ProgramOp program, std::vector<NamedInput> &inputs) {
  inputs.clear(); // every entry but "score" has the same
  for (auto [number, name] : llvm::enumerate(program.getInputNames()))
    inputs.push_back({cast<StringAttr>(name).str(), plan::inputLimit(program.getInput(number))});
}

/// How many of the greatest logits a program finds at most; 0: it gives all.
static int64_t topOf(plan::ProgramOp program) {
  int64_t top = 0;
  if (program.getSymName() == LMOPT_ENTRY_DECODE_TOP)
    program.walk([&](Operation *op) {
      if (auto linear = dyn_cast<lm::TopLinearOp>(op))
        top = linear.getCount();
      else if (auto linear = dyn_cast<lm::TopClassLinearOp>(op))
        top = linear.getCount();
    });
  return top;
}

static bool isScore(plan::ProgramOp program) { return program.getSymName() == LMOPT_ENTRY_SCORE; }

static void readProgram(plan::ProgramOp program, ModelFacts &facts) {
  if (isScore(program)) { // all but its memory is that of "prefill"
    readInputs(program, facts.scoreInputs);
    readResults(program.getReturn(), facts.scoreResults);
    facts.arenaBytes = std::max<int64_t>(facts.arenaBytes, *program.getArenaBytes());
    facts.threadBytes = std::max<int64_t>(facts.threadBytes, *program.getThreadBytes());
    return;
  }
  readInputs(program, facts.inputs);
  readResults(program.getReturn(), facts.results);
  facts.decoder = program.isDecoder();
  facts.maxPositions = program.getMaxPositions();
  facts.ropeSwitch = program.getRopeSwitch();
  facts.cacheBytesPerPosition = program.getPositionBytes();
  facts.stateBytesPerSequence = program.getSequenceBytes();
  facts.ringPositions = program.getRingPositions();
  facts.ringBytesPerPosition = program.getRingBytes();
  facts.ringBack = program.getRingBack();
  facts.arenaBytes = std::max<int64_t>(facts.arenaBytes, *program.getArenaBytes());
  facts.threadBytes = std::max<int64_t>(facts.threadBytes, *program.getThreadBytes());
  if (int64_t top = topOf(program)) { // the rest is that of "decode"
    facts.top = top;
    return;
  }
  auto waits = program.getBody().front().getOps<plan::WaitOp>();
  (program.getFew() ? facts.decodeRows : facts.prefillRows) = *program.getMaxRows();
  (program.getFew() ? facts.waitsDecode : facts.waitsPrefill) = std::distance(waits.begin(), waits.end());
}

/// What "decode_top" of GPUs gives, which is made of "decode".
static void readDerivedTop(LoweredModel &lowered) {
  for (plan::ProgramOp program : lowered.programs())
    if (program.isDecoder() && !isScore(program))
      lowered.facts.top = nvptx::topLogitsOf(program).most();
}

static void readFacts(LoweredModel &lowered) {
  readConfig(*lowered.plan, lowered.facts);
  for (plan::ProgramOp program : lowered.programs())
    readProgram(program, lowered.facts);
  for (plan::WeightOp weight : lowered.weights())
    lowered.facts.weightBytes = weight.getOffset() + cpu::roundUp(weight.getBytes(), 64);
}

LogicalResult planModel(ModuleOp module, Machine machine, LoweredModel &lowered,
                        llvm::function_ref<LogicalResult(StringRef, ModuleOp)> show) {
  DialectRegistry registry; // nothing new where a pass has registered it before
  registerDialects(registry);
  module.getContext()->appendDialectRegistry(registry);
  module.getContext()
      ->loadDialect<plan::PlanDialect, cpu::CpuDialect, nvptx::PtxDialect, func::FuncDialect, arith::ArithDialect,
                    scf::SCFDialect, vector::VectorDialect, LLVM::LLVMDialect, lmk::LmkDialect>();
  lowered.plan = module.clone();
  bool onCpu = machine == Machine::Cpu;
  if (failed(plan::formSteps(*lowered.plan)))
    return failure();
  if (failed(onCpu ? cpu::chooseLayouts(*lowered.plan) : nvptx::chooseLayouts(*lowered.plan)))
    return failure();
  if (show && failed(show("plan", *lowered.plan)))
    return failure();
  if (failed(onCpu ? cpu::schedulePrograms(*lowered.plan) : nvptx::schedulePrograms(*lowered.plan)) ||
      failed(verify(*lowered.plan)))
    return failure();
  readFacts(lowered);
  lowered.facts.machine = machine;
  if (!onCpu)
    readDerivedTop(lowered);
  return show ? show("schedule", *lowered.plan) : success();
}

LogicalResult emitModel(const cpu::Target &target, LoweredModel &lowered) {
  lowered.module = ModuleOp::create(lowered.plan->getLoc());
  cpu::KernelLibrary kernels(*lowered.module, target);
  for (plan::ProgramOp program : lowered.programs())
    cpu::emitEntryPoint(*lowered.module, program, kernels, {lowered.facts.arenaBytes, lowered.facts.threadBytes});
  return success();
}

/// Launches of a step of so many rows; of positions as many as the forecast of `lmopt inspect` has.
static int64_t countLaunches(ArrayRef<nvptx::Launch> launches, int64_t rows) {
  constexpr int64_t kPositions = 512;
  return llvm::count_if(launches, [&](const nvptx::Launch &launch) { return launch.serves(rows, kPositions); });
}

/// The launches of "decode_top": those of its own program for as many rows as that has, for more those of "decode".
static void addTop(plan::ProgramOp decode, plan::ProgramOp own, nvptx::KernelLibrary &kernels,
                   std::vector<nvptx::Launch> &launches) {
  nvptx::addTopLaunches(decode, kernels, launches);
  if (!own)
    return;
  std::vector<nvptx::Launch> few = nvptx::launchesOf(own, kernels);
  nvptx::addTopLaunches(own, kernels, few);
  nvptx::Launch ofFew, ofMore;
  ofFew.mostRows = static_cast<int64_t>(*own.getMaxRows()), ofMore.leastRows = ofFew.mostRows + 1;
  for (nvptx::Launch &launch : few)
    launch.restrictTo(ofFew);
  for (nvptx::Launch &launch : launches)
    launch.restrictTo(ofMore);
  llvm::erase_if(launches, [](const nvptx::Launch &launch) { return launch.isNever(); });
  launches.insert(launches.end(), few.begin(), few.end());
}

static bool isTop(plan::ProgramOp program) { return program.getSymName() == LMOPT_ENTRY_DECODE_TOP; }

/// Makes the launches of "decode" those of "decode_top".
static void deriveTop(LoweredModel &lowered, plan::ProgramOp decode, nvptx::KernelLibrary &kernels,
                      std::vector<nvptx::Launch> &launches) {
  auto programs = lowered.programs();
  auto own = llvm::find_if(programs, isTop);
  addTop(decode, own == programs.end() ? plan::ProgramOp() : *own, kernels, launches);
}

/// For the manifest; "score" is not counted.
static void countLaunches(ModelFacts &facts, plan::ProgramOp program, ArrayRef<nvptx::Launch> launches) {
  if (!isScore(program))
    (program.getFew() ? facts.launchesDecode : facts.launchesPrefill) =
        countLaunches(launches, program.getFew() ? 1 : static_cast<int64_t>(*program.getMaxRows()));
}

bool emitDeviceModel(ArrayRef<nvptx::Target> targets, const std::string &ptxas, LoweredModel &lowered,
                     std::string &error) {
  cpu::Target host;
  if (!cpu::makeTarget("x86-64", host, error))
    return false;
  lowered.module = ModuleOp::create(lowered.plan->getLoc());
  for (const nvptx::Target &target : targets) {
    nvptx::KernelLibrary kernels(lowered.plan->getContext(), target);
    std::vector<nvptx::Launch> few; // of steps that a walker may do
    for (plan::ProgramOp program : lowered.programs()) {
      if (isTop(program)) // a part of an entry that is made of "decode"
        continue;
      std::vector<nvptx::Launch> launches = nvptx::launchesOf(program, kernels);
      countLaunches(lowered.facts, program, launches);
      bool isFirst = &target == &targets.front(); // kernels have the same numbers for each architecture
      if (isFirst)
        nvptx::emitHostEntry(*lowered.module, program.getSymName(), program, launches, kernels, host);
      if (!program.getFew())
        continue;
      few.insert(few.end(), launches.begin(), launches.end());
      deriveTop(lowered, program, kernels, launches);
      if (isFirst)
        nvptx::emitHostEntry(*lowered.module, LMOPT_ENTRY_DECODE_TOP, program, launches, kernels, host);
      few.insert(few.end(), launches.begin(), launches.end());
    }
    nvptx::addWalker(kernels, few);
    if (!nvptx::makeImages(kernels, ptxas, lowered.images, error))
      return false;
  }
  return true;
}

void registerDialects(DialectRegistry &registry) {
  registry.insert<plan::PlanDialect, cpu::CpuDialect, nvptx::PtxDialect, func::FuncDialect, arith::ArithDialect,
                  scf::SCFDialect, vector::VectorDialect, LLVM::LLVMDialect, lmk::LmkDialect>();
  cpu::registerModels(registry);
  nvptx::registerModels(registry);
}

namespace {
struct LowerPass : public PassWrapper<LowerPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerPass)
  LowerPass() = default;
  LowerPass(const LowerPass &other) : PassWrapper(other) {
    cpuName = other.cpuName;
    spellFor = other.spellFor;
  }
  StringRef getArgument() const final { return "lm-lower-to-cpu"; }
  StringRef getDescription() const final { return "Replace an lm module by kernels and entry points for one CPU"; }
  void getDependentDialects(DialectRegistry &registry) const override { registerDialects(registry); }
  Option<std::string> cpuName{*this, "target-cpu", llvm::cl::desc("CPU as LLVM names it, or `native`"),
                              llvm::cl::init("native")};
  Option<std::string> spellFor{
      *this, "spell-for",
      llvm::cl::desc("lesser CPU in whose instructions the code for target-cpu is written, with "
                     "the same results (default: its own)")};

  void runOnOperation() override {
    cpu::Target target;
    std::string error;
    if (!cpu::makeTarget(cpuName, spellFor, target, error)) {
      getOperation()->emitError(error);
      return signalPassFailure();
    }
    LoweredModel lowered;
    if (failed(planModel(getOperation(), Machine::Cpu, lowered)) || failed(emitModel(target, lowered)))
      return signalPassFailure();
    getOperation().getBodyRegion().takeBody(lowered.module->getBodyRegion());
  }
};

/// For looking at launches; the images are left out.
struct LowerToNvptxPass : public PassWrapper<LowerToNvptxPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerToNvptxPass)
  LowerToNvptxPass() = default;
  LowerToNvptxPass(const LowerToNvptxPass &other) : PassWrapper(other) { architecture = other.architecture; }
  StringRef getArgument() const final { return "lm-lower-to-nvptx"; }
  StringRef getDescription() const final {
    return "Replace an lm module by the host's code of a model for NVIDIA GPUs";
  }
  void getDependentDialects(DialectRegistry &registry) const override { registerDialects(registry); }
  Option<std::string> architecture{*this, "architecture", llvm::cl::desc("of the kernels, as ptxas names it"),
                                   llvm::cl::init("sm_80")};

  void runOnOperation() override {
    std::vector<nvptx::Target> targets;
    std::string error;
    if (!nvptx::makeTargets("nvptx:" + architecture, targets, error)) {
      getOperation()->emitError(error);
      return signalPassFailure();
    }
    LoweredModel lowered;
    if (failed(planModel(getOperation(), Machine::Cuda, lowered)))
      return signalPassFailure();
    if (!emitDeviceModel(targets, "", lowered, error)) {
      getOperation()->emitError(error);
      return signalPassFailure();
    }
    getOperation().getBodyRegion().takeBody(lowered.module->getBodyRegion());
  }
};
} // namespace

void registerLowerPasses() {
  PassRegistration<LowerPass>();
  PassRegistration<LowerToNvptxPass>();
  plan::registerFormStepsPass();
  cpu::registerChooseLayoutsPass();
  cpu::registerSchedulePass();
  nvptx::registerPlanPasses();
}

} // namespace lmopt::lower
