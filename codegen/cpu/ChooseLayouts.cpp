// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See ChooseLayouts.h.
#include "codegen/cpu/ChooseLayouts.h"

#include "codegen/cpu/Cpu.h"
#include "codegen/plan/FormSteps.h"
#include "dialects/lm/interfaces/Step.h"

#include "mlir/Pass/Pass.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::cpu {

namespace {

/// Packed weights so far; programs of one artifact share them.
struct PackedWeights {
  int64_t bytes = 0;
  DenseMap<std::pair<Attribute, Attribute>, FlatSymbolRefAttr> symbols;
};

class LayoutChooser {
public:
  LayoutChooser(plan::ProgramOp program, PackedWeights &packed) : program(program), builder(program), packed(packed) {}

  LogicalResult run() {
    for (plan::StepOp step : plan::stepsOf(program))
      if (failed(prepare(step)))
        return failure();
    separateResults();
    for (plan::StepOp step : plan::stepsOf(program)) {
      chooseWeights(step);
      if (failed(placeState(step)))
        return failure();
    }
    program.setPositionBytes(positionBytes);
    program.setSequenceBytes(sequenceBytes);
    return success();
  }

private:
  plan::ProgramOp program;
  OpBuilder builder;
  PackedWeights &packed;
  int64_t positionBytes = 0, sequenceBytes = 0;

  LogicalResult prepare(plan::StepOp step) {
    for (Operation &op : step.getBody().front().without_terminator()) {
      auto kernel = dyn_cast<KernelOpInterface>(op);
      auto rowOp = dyn_cast<RowOpInterface>(op);
      if (!(step.isKernel() ? bool(kernel) : bool(rowOp)))
        return plan::refuse(&op, "op '" + op.getName().getStringRef() + "' has no kernel for CPUs");
      if (failed(step.isKernel() ? kernel.prepare(program) : rowOp.prepare(program)))
        return failure();
    }
    return success();
  }

  // Copies between kernels that know only padded rows and the caller's memory.
  void separateResults() {
    plan::ReturnOp ret = program.getReturn();
    for (OpOperand &result : ret->getOpOperands()) {
      auto step = cast<plan::StepOp>(plan::getMaker(result.get()).getOwner());
      if (!step.isKernel() || kernelOf(step).masksLastVector())
        continue;
      OpBuilder before(ret);
      result.set(plan::copyRows(before, result.get(), step.getDomain()));
    }
  }

  void chooseWeights(plan::StepOp step) {
    SmallVector<Attribute> weights;
    for (Operation &op : step.getBody().front().without_terminator())
      for (const PackedUse &use : packedWeightsOf(&op, program))
        if (Attribute weight = weightFor(use); !llvm::is_contained(weights, weight))
          weights.push_back(weight);
    step.setWeightsAttr(builder.getArrayAttr(weights));
  }

  static std::string nameOf(const PackedUse &use) {
    if (use.params.empty())
      return use.layout.getAbstractAttribute().getName().rsplit('.').second.str() + ".packed";
    return (cast<FlatSymbolRefAttr>(use.params[0]).getValue() + ".packed").str();
  }

  FlatSymbolRefAttr weightFor(const PackedUse &use) {
    ArrayAttr params = builder.getArrayAttr(use.params);
    FlatSymbolRefAttr &symbol = packed.symbols[{params, use.layout}];
    if (symbol)
      return symbol;
    auto weight = plan::WeightOp::create(builder, program.getLoc(), nameOf(use), params, use.layout, packed.bytes);
    SymbolTable table(program->getParentOp()); // gives it another name where there is this one
    weight->remove();
    table.insert(weight, Block::iterator(program));
    packed.bytes += roundUp(weight.getBytes(), 64);
    return symbol = FlatSymbolRefAttr::get(weight.getSymNameAttr());
  }

  // Whether a step writes (true) or only reads the state; none when it does neither.
  static std::optional<bool> writesState(plan::StepOp step) {
    std::optional<bool> writes;
    for (auto op : step.getBody().front().getOps<lm::StepOpInterface>()) {
      SmallVector<lm::Access> accesses;
      op.getAccesses(accesses);
      for (const lm::Access &access : accesses)
        if (!access.value)
          writes = writes.value_or(false) || access.write;
    }
    return writes;
  }

  // Layers of a decoder lie one after another; an encoder's share one place. What reads the state reads it where the
  // step that made it has written.
  LogicalResult placeState(plan::StepOp step) {
    std::optional<bool> writes = writesState(step);
    if (!writes)
      return success();
    if (!*writes) {
      plan::StepOp maker = stateMaker(step);
      if (!maker)
        return plan::refuse(step.getKernelOp(), "reads a state that no op here has written");
      step.setStateOffsetAttr(maker.getStateOffsetAttr());
      return success();
    }
    bool perSequence = cast<lm::StepOpInterface>(step.getKernelOp()).getState().perSequence;
    int64_t bytes = kernelOf(step).getStateBytes(), &total = perSequence ? sequenceBytes : positionBytes;
    step.setStateOffset(program.isDecoder() ? total : 0);
    total = program.isDecoder() ? total + bytes : std::max(total, bytes);
    return success();
  }
};

struct ChooseLayoutsPass : public PassWrapper<ChooseLayoutsPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ChooseLayoutsPass)
  StringRef getArgument() const final { return "cpu-choose-layouts"; }
  StringRef getDescription() const final { return "Pack the weights of a program of steps for CPUs"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<plan::PlanDialect, CpuDialect>();
  }
  void runOnOperation() override {
    if (failed(chooseLayouts(getOperation())))
      signalPassFailure();
  }
};
} // namespace

LogicalResult chooseLayouts(ModuleOp module) {
  PackedWeights packed;
  for (auto program : llvm::make_early_inc_range(module.getOps<plan::ProgramOp>()))
    if (failed(LayoutChooser(program, packed).run()))
      return failure();
  return success();
}

void registerChooseLayoutsPass() { PassRegistration<ChooseLayoutsPass>(); }

} // namespace lmopt::cpu
