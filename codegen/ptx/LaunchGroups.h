// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which steps of a program are launched together, because a launch costs more than what it does for few rows. In: a
// program of steps with packed weights. Out: its steps in order, in groups. Products of the same rows that nothing must
// wait between (queries, keys and values; gate and up) are one group. Source: ptx.md 4.3. Tested by
// test/codegen/ptx/launches.mlir and all models compiled for GPUs.
#ifndef LMOPT_CODEGEN_PTX_LAUNCHGROUPS_H
#define LMOPT_CODEGEN_PTX_LAUNCHGROUPS_H

#include "dialects/plan/Plan.h"

#include <vector>

namespace lmopt::nvptx {

struct LaunchGroup {
  llvm::SmallVector<plan::StepOp> steps; ///< one, or products of the same rows
};

std::vector<LaunchGroup> launchGroups(plan::ProgramOp program);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LAUNCHGROUPS_H
