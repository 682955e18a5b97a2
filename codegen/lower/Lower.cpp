// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Plan, schedules, entry points; see Lower.h.
#include "codegen/lower/Lower.h"

#include "codegen/lower/EntryPoints.h"
#include "dialects/lmk/Lmk.h"

#include "mlir/Pass/Pass.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::lower {

static int64_t countBarriers(const Schedule &schedule) {
  return std::count(schedule.barrierBefore.begin(), schedule.barrierBefore.end(), true);
}

LogicalResult lowerModel(ModuleOp module, const cpu::Target &target, LoweredModel &lowered, bool &unsupported) {
  if (failed(buildPlan(module, lowered.plan, unsupported)))
    return failure();
  const Plan &plan = lowered.plan;
  MLIRContext *context = module.getContext();
  context->loadDialect<func::FuncDialect, arith::ArithDialect, scf::SCFDialect, vector::VectorDialect,
                       LLVM::LLVMDialect, lmk::LmkDialect>();
  lowered.module = ModuleOp::create(module.getLoc());
  // An encoder never splits a sequence, so a step must hold the longest one.
  lowered.prefillRows = plan.decoder ? kPrefillRows : std::max(kPrefillRows, cpu::roundUp(plan.maxPositions, 8));
  lowered.decodeRows = plan.decoder ? kDecodeRows : 0;
  Schedule many = makeSchedule(plan, /*few=*/false, lowered.prefillRows);
  lowered.arenaBytes = many.arenaBytes;
  lowered.threadBytes = many.threadBytes;
  lowered.barriersPrefill = countBarriers(many);
  Schedule few;
  if (plan.decoder) {
    few = makeSchedule(plan, /*few=*/true, lowered.decodeRows);
    lowered.arenaBytes = std::max(lowered.arenaBytes, few.arenaBytes);
    lowered.threadBytes = std::max(lowered.threadBytes, few.threadBytes);
    lowered.barriersDecode = countBarriers(few);
  }
  cpu::KernelLibrary kernels(*lowered.module, target);
  lowered.kernels = emitEntryPoint(*lowered.module, plan.decoder ? "prefill" : "encode", plan, many, kernels,
                                   lowered.arenaBytes, lowered.threadBytes);
  if (plan.decoder)
    lowered.decodeKernels =
        emitEntryPoint(*lowered.module, "decode", plan, few, kernels, lowered.arenaBytes, lowered.threadBytes);
  return success();
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
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<func::FuncDialect, arith::ArithDialect, scf::SCFDialect, vector::VectorDialect, LLVM::LLVMDialect,
                    lmk::LmkDialect>();
  }
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
    bool unsupported = false;
    if (failed(lowerModel(getOperation(), target, lowered, unsupported)))
      return signalPassFailure();
    getOperation().getBodyRegion().takeBody(lowered.module->getBodyRegion());
  }
};
} // namespace

void registerLowerPass() { PassRegistration<LowerPass>(); }

} // namespace lmopt::lower
