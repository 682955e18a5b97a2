// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Rings.h.
//
// How many positions: rows of one step write theirs before any of them looks back, so the first row's window and all
// rows must fit at once: W + rows. Kernels read whole blocks of kRingBlock positions and give no weight to what lies
// before the window; those positions must not be the ones that the step writes meanwhile (on GPUs one launch does
// both), which is one block more. And blocks must not wrap: whole blocks.
#include "codegen/plan/Rings.h"

#include "codegen/plan/ChooseLayouts.h"
#include "dialects/lm/attention/Attention.h"

using namespace mlir;

namespace lmopt::plan {

/// How far attention over what a step appends looks back at most; 0: to the first position.
static int64_t windowOf(StepOp append) {
  if (!append.isKernel() || !isa<lm::CacheAppendOp>(append.getKernelOp()))
    return 0;
  int64_t longest = 0;
  for (StepOp step : stepsOf(append->getParentOfType<ProgramOp>())) {
    if (!step.isKernel() || !isa<lm::AttendOp>(step.getKernelOp()) || stateMaker(step) != append)
      continue;
    auto attend = cast<lm::AttendOp>(step.getKernelOp());
    if (!attend.isCausal() || !attend.getWindow())
      return 0;
    longest = std::max(longest, static_cast<int64_t>(attend.getWindow()));
  }
  return longest;
}

static int64_t longestWindow(ProgramOp program) {
  int64_t longest = 0;
  for (StepOp step : stepsOf(program))
    longest = std::max(longest, windowOf(step));
  return longest;
}

void chooseRings(ModuleOp module, int64_t mostRows) {
  int64_t window = 0;
  for (ProgramOp program : module.getOps<ProgramOp>())
    window = std::max(window, longestWindow(program));
  int64_t positions = (window + mostRows + 2 * kRingBlock - 1) / kRingBlock * kRingBlock;
  for (ProgramOp program : module.getOps<ProgramOp>())
    if (window && program.isDecoder() && positions < static_cast<int64_t>(program.getMaxPositions())) {
      program.setRingPositions(positions);
      program.setRingBack(positions - window);
    }
}

bool isForRing(StepOp append) { return append->getParentOfType<ProgramOp>().getRingPositions() && windowOf(append); }

StatePlace statePlaceOf(StepOp step) {
  auto program = step->getParentOfType<ProgramOp>();
  StatePlace place;
  place.offset = static_cast<int64_t>(step.getStateOffset().value_or(0));
  place.inRing = step.getInRing();
  place.ringPositions = static_cast<int64_t>(program.getRingPositions());
  place.allBytes = static_cast<int64_t>(program.getPositionBytes());
  place.ringBytes = static_cast<int64_t>(program.getRingBytes());
  return place;
}

} // namespace lmopt::plan
