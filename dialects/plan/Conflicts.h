// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// When two threads of a team would clash: what a step touches, where that lies, and whether two uses of memory may meet
// without a wait between them. Plain numbers, for the schedule that places waits and for the verifier that checks it.
// Tested by test/unit/codegen/ScheduleTest.cpp and test/dialects/plan/clash.mlir.
#ifndef LMOPT_DIALECTS_PLAN_CONFLICTS_H
#define LMOPT_DIALECTS_PLAN_CONFLICTS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMapInfo.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>

#include "dialects/plan/PlanEnums.h.inc"

namespace lmopt::plan {

/// One use of memory by one step.
struct Access {
  int buffer = -1; ///< number of the rows; -1: the state
  bool write = false;
  Share share = Share::rows;
  bool gathered = false;          ///< rows of other numbers than those the thread makes
  Domain domain = Domain::tokens; ///< of the step: rows are dealt out by domain
};

/// Where rows are kept.
struct Placement {
  Memory memory = Memory::arena;
  int64_t offset = 0, rows = 0, rowBytes = 0;
  int64_t bytes() const { return rows * rowBytes; }
  bool isResult() const { return memory == Memory::result; }
  bool isPrivate() const { return memory == Memory::thread || memory == Memory::block; }
};

/// Whether a thread's access may meet another thread's, so that one must wait for the other. `places` by number.
bool conflict(const Access &a, const Access &c, llvm::ArrayRef<Placement> places);

} // namespace lmopt::plan

#endif
