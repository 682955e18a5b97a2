// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The schedule of a program for a team of threads: where rows are kept, which steps make a chain, and where all must
// wait for one another. In: a Problem, plain numbers taken from a plan.program and from what a target says of its
// kernels. Out: a Schedule, which the target writes back (codegen/cpu/SchedulePrograms.cpp).
//
// Every thread runs the whole list of steps on its own share. What must hold: nobody reads rows before they are
// written, nobody overwrites rows that another still reads. The schedule finds these conflicts from the accesses of the
// steps (dialects/plan/Conflicts.h) and puts a wait only where there is one.
//
// A chain is a run of steps, without a wait, in which each thread works on its own rows. It is run in blocks of
// rows, all its steps on one block before the next, and rows that only it uses have room for one block, in memory of
// the thread: so what lies between two products (1536 floats a row in the models we measure) stays in the second-level
// cache, whatever the number of rows. Tested by test/unit/codegen/ScheduleTest.cpp.
#ifndef LMOPT_CODEGEN_PLAN_SCHEDULE_H
#define LMOPT_CODEGEN_PLAN_SCHEDULE_H

#include "dialects/plan/Conflicts.h"

#include <vector>

namespace lmopt::plan {

/// Rows that a step makes.
struct Buffer {
  int64_t rowBytes = 0;
  bool result = false; ///< the caller's memory
};

struct ProblemStep {
  Domain domain = Domain::tokens;
  Share share = Share::rows;
  bool rowWise = false;
  bool mixesRows = false;
  std::vector<int> inputs, outputs; ///< buffers
  std::vector<Access> accesses;
};

struct Problem {
  bool few = false; ///< few rows at once: columns are shared out instead of rows
  int64_t maxRows = 0;
  int64_t blockRows = 0; ///< rows of one block of a chain
  int64_t rowUnit = 1;   ///< rows are padded to a multiple of it
  std::vector<Buffer> buffers;
  std::vector<ProblemStep> steps;
};

struct Schedule {
  std::vector<bool> waitBefore;     ///< by step
  std::vector<bool> continuesChain; ///< by step: belongs to the chain of the step before
  std::vector<Placement> places;    ///< by buffer
  int64_t arenaBytes = 0, threadBytes = 0;
};

Schedule makeSchedule(const Problem &problem);

} // namespace lmopt::plan

#endif
