// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See ChooseLayouts.h.
#include "codegen/plan/ChooseLayouts.h"

#include "codegen/plan/FormSteps.h"
#include "codegen/plan/Rings.h"
#include "dialects/lm/interfaces/Step.h"

#include "mlir/IR/Builders.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::plan {

namespace {

/// Packed weights so far; programs of one artifact share them.
struct PackedWeights {
  int64_t bytes = 0;
  DenseMap<std::pair<Attribute, Attribute>, FlatSymbolRefAttr> symbols;
};

class LayoutChooser {
public:
  LayoutChooser(ProgramOp program, const LayoutModels &models, PackedWeights &packed)
      : program(program), models(models), builder(program), packed(packed) {}

  LogicalResult run() {
    for (StepOp step : stepsOf(program))
      if (failed(prepare(step)))
        return failure();
    separateResults();
    for (StepOp step : stepsOf(program)) {
      chooseWeights(step);
      if (failed(placeState(step)))
        return failure();
    }
    program.setPositionBytes(positionBytes);
    program.setSequenceBytes(sequenceBytes);
    program.setRingBytes(ringBytes);
    return success();
  }

private:
  ProgramOp program;
  const LayoutModels &models;
  OpBuilder builder;
  PackedWeights &packed;
  int64_t positionBytes = 0, sequenceBytes = 0, ringBytes = 0;

  LogicalResult prepare(StepOp step) {
    for (Operation &op : step.getBody().front().without_terminator()) {
      if (!models.hasModel(&op, step.isKernel()))
        return refuse(&op, "op '" + op.getName().getStringRef() + "' has no kernel for " + models.targetName() +
                               models.remedyFor(&op));
      if (failed(models.prepare(&op, program)))
        return failure();
    }
    return success();
  }

  // Copies between kernels that know only padded rows and the caller's memory.
  void separateResults() {
    ReturnOp ret = program.getReturn();
    for (OpOperand &result : ret->getOpOperands()) {
      auto step = cast<StepOp>(getMaker(result.get()).getOwner());
      if (!step.isKernel() || models.writesPackedRows(step))
        continue;
      OpBuilder before(ret);
      result.set(copyRows(before, result.get(), step.getDomain()));
    }
  }

  void chooseWeights(StepOp step) {
    SmallVector<Attribute> weights;
    SmallVector<PackedUse> uses;
    for (Operation &op : step.getBody().front().without_terminator())
      models.getPackedWeights(&op, program, uses);
    for (const PackedUse &use : uses)
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
    auto weight = WeightOp::create(builder, program.getLoc(), nameOf(use), params, use.layout, packed.bytes);
    SymbolTable table(program->getParentOp()); // gives it another name where there is this one
    weight->remove();
    table.insert(weight, Block::iterator(program));
    packed.bytes += (weight.getBytes() + 63) / 64 * 64;
    return symbol = FlatSymbolRefAttr::get(weight.getSymNameAttr());
  }

  // Whether a step writes (true) or only reads the state; none when it does neither.
  static std::optional<bool> writesState(StepOp step) {
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
  LogicalResult placeState(StepOp step) {
    std::optional<bool> writes = writesState(step);
    if (!writes)
      return success();
    if (!*writes) {
      StepOp maker = stateMaker(step);
      if (!maker)
        return refuse(step.getKernelOp(), "reads a state that no op here has written");
      step.setStateOffsetAttr(maker.getStateOffsetAttr());
      step.setInRing(maker.getInRing());
      return success();
    }
    bool perSequence = cast<lm::StepOpInterface>(step.getKernelOp()).getState().perSequence;
    step.setInRing(isForRing(step));
    int64_t bytes = models.getStateBytes(step);
    int64_t &total = perSequence ? sequenceBytes : step.getInRing() ? ringBytes : positionBytes;
    step.setStateOffset(program.isDecoder() ? total : 0);
    total = program.isDecoder() ? total + bytes : std::max(total, bytes);
    return success();
  }
};
} // namespace

LogicalResult chooseLayouts(ModuleOp module, const LayoutModels &models) {
  chooseRings(module, models.mostRows());
  PackedWeights packed;
  for (auto program : llvm::make_early_inc_range(module.getOps<ProgramOp>()))
    if (failed(LayoutChooser(program, models, packed).run()))
      return failure();
  return success();
}

int64_t weightNumber(StepOp step, const PackedUse &use) {
  for (auto [number, symbol] : llvm::enumerate(step.getWeights())) {
    WeightOp weight = lookupWeight(step, symbol);
    if (weight.getLayout() == use.layout && llvm::equal(weight.getParams(), use.params))
      return static_cast<int64_t>(number);
  }
  return -1;
}

StepOp stateMaker(StepOp step) {
  for (Value input : step.getInputs())
    if (!isRows(input))
      return cast<StepOp>(getMaker(input).getOwner());
  return {};
}

} // namespace lmopt::plan
