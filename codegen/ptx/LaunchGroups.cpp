// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See LaunchGroups.h.
#include "codegen/ptx/LaunchGroups.h"

#include "codegen/ptx/linear/LinearModel.h"

using namespace mlir;

namespace lmopt::nvptx {

std::vector<LaunchGroup> launchGroups(plan::ProgramOp program) {
  std::vector<LaunchGroup> groups;
  for (plan::StepOp step : plan::stepsOf(program)) {
    bool follows = !groups.empty() && groups.back().steps.back()->getNextNode() == step.getOperation();
    if (follows && canShareLaunch(groups.back().steps.front(), step))
      groups.back().steps.push_back(step);
    else
      groups.push_back({{step}});
  }
  return groups;
}

} // namespace lmopt::nvptx
