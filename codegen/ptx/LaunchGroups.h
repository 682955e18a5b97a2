// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which steps of a program are launched together, because a launch costs more than what it does for few rows. In: a
// program of steps with packed weights. Out: its steps in order, in groups:
//
//   products of the same rows that nothing must wait between (queries, keys and values; gate and up)
//   of few rows, too: what is done to rows before a product (norm, sum, codes) and the products, whose kernels make
//   their rows themselves; what joins the parts that attention leaves, with what reads its rows; keys and values on
//   their way into the cache, and attention
//
// Where a group is for some numbers of rows only, its steps are launched one by one for others, so a program must be
// scheduled for both (PlanPrograms.cpp). Source: ptx.md 4.3. Tested by test/codegen/ptx/launches.mlir and all models
// compiled for GPUs.
#ifndef LMOPT_CODEGEN_PTX_LAUNCHGROUPS_H
#define LMOPT_CODEGEN_PTX_LAUNCHGROUPS_H

#include "dialects/plan/Plan.h"

#include <vector>

namespace lmopt::nvptx {

struct LaunchGroup {
  /// One, or products of the same rows; before these what is done to their rows; keys and values, and attention.
  llvm::SmallVector<plan::StepOp> steps;
  bool makesRows = false;   ///< the first step makes what the others, which are products, read
  bool storesState = false; ///< the first step keeps what the second, which attends, reads
  bool leavesParts = false; ///< attention whose parts the next group joins
  plan::StepOp parts = {};  ///< attention before this group, whose parts its first step joins

  plan::StepOp last() const { return steps.back(); }
};

std::vector<LaunchGroup> launchGroups(plan::ProgramOp program);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LAUNCHGROUPS_H
