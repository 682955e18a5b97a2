// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Neighbours.h.
#include "codegen/plan/Neighbours.h"

#include "codegen/plan/FormSteps.h"
#include "dialects/lm/interfaces/Step.h"
#include "dialects/lm/param/Param.h"
#include "dialects/lm/quantize/Quantize.h"

using namespace mlir;
using namespace lmopt;

// That keeps 8 bits, too, and what the shorter formulas are off by (4e-5) counts for less than the rounding of the
// larger numbers of a row.
bool plan::endsIn8Bits(Value value) {
  return llvm::all_of(readersOf(value), [](Operation *reader) {
    return isa<lm::QuantizeDynamicOp, lm::QuantizeGroupsOp, lm::NarrowOp>(reader) ||
           (isa<lm::RotateOp>(reader) && endsIn8Bits(reader->getResult(0)));
  });
}

std::optional<FlatSymbolRefAttr> plan::findTied(FlatSymbolRefAttr table, ProgramOp program) {
  std::optional<FlatSymbolRefAttr> tied;
  program->getParentOp()->walk([&](lm::StepOpInterface step) {
    SmallVector<lm::WeightUse> uses;
    step.getWeightUses(uses);
    FlatSymbolRefAttr bias;
    bool multiplied = false;
    for (const lm::WeightUse &use : uses) {
      multiplied |= use.role == lm::WeightUse::Role::Matrix && use.symbol == table;
      bias = use.role == lm::WeightUse::Role::Vector ? use.symbol : bias;
    }
    if (multiplied)
      tied = bias;
  });
  return tied;
}

lm::AttendOp plan::readerOf(StepOp append) {
  for (StepOp step : stepsReading(append->getResult(0)))
    if (auto attend = dyn_cast<lm::AttendOp>(step.getKernelOp()))
      return attend;
  return {};
}

void plan::readBias(lm::AttendOp attend, PositionBias &bias, int64_t &largestDistance) {
  if (attend.getAlibi())
    bias = PositionBias::Slopes;
  if (FlatSymbolRefAttr table = attend.getDistanceTable()) {
    bias = PositionBias::Distances;
    largestDistance = lm::lookupParam(attend, table).getShape()[1] / 2;
  }
}

int64_t plan::ropeSwitch(lm::RopeAttr rope, ProgramOp program) {
  int64_t limit = rope.getSwitchPositions();
  return limit < static_cast<int64_t>(program.getMaxPositions()) ? limit : 0;
}

LogicalResult plan::prepareRope(Operation *op, lm::RopeAttr rope, ProgramOp program) {
  if (rope.getLayout() != lm::RopeLayout::half)
    return refuse(op, "interleaved rope reaches code generation; run the pass lm-normalize-rope before");
  int64_t limit = ropeSwitch(rope, program), known = program.getRopeSwitch();
  if (!limit)
    return success();
  if (rope.getScaling().getKind() == lm::RopeScalingKind::dynamic)
    return refuse(op, "dynamic rope scaling turns the whole sequence otherwise with every token beyond its " +
                          Twine(limit) + " original positions; set max_positions of lm.config to that (found " +
                          Twine(program.getMaxPositions()) + ")");
  if (known && known != limit)
    return refuse(op, "rope scaling changes beyond " + Twine(limit) + " positions here and beyond " + Twine(known) +
                          " in another layer; they must agree");
  program.setRopeSwitch(limit);
  return success();
}
