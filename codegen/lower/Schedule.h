// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The schedule of a plan for one entry point: how each step is dealt out to the threads of the team, where buffers lie
// in the arena, and where all must wait for one another. In: Plan and the entry's limits. Out: Schedule.
//
// Every thread runs the whole list of steps on its own share. What must hold: nobody reads rows before they are
// written, nobody overwrites rows that another still reads. The schedule finds these conflicts from the accesses of the
// steps and puts a barrier only where there is one.
//
// A chain is a run of steps, without a barrier, in which each thread works on its own rows. It is run in blocks of
// rows, all its steps on one block before the next, and buffers that only it uses have room for one block, in memory of
// the thread: so what lies between two products (1536 floats a row in the models we measure) stays in the second-level
// cache, whatever the number of rows. Tested by test/unit/codegen/ScheduleTest.cpp.
#ifndef LMOPT_CODEGEN_LOWER_SCHEDULE_H
#define LMOPT_CODEGEN_LOWER_SCHEDULE_H

#include "codegen/lower/Plan.h"

namespace lmopt::lower {

/// How the work of a step is shared.
enum class Share {
  Rows,   ///< each thread has its own rows, the same ones in every such step of a domain
  Panels, ///< each thread has its own outputs (columns) of all rows
  Turns,  ///< work items dealt out in turns: (head, block of rows)
  Heads,  ///< (row, kv head) dealt out in turns, the same in StoreKeysValues and Attend
  All     ///< every thread does all rows, into memory of its own: cheaper than a barrier when rows are few
};

/// Rows of one block of a chain. Weights are read once a block, from the third-level cache or memory: 128 rows make
/// that 4 GB/s at the peak of the integer products of one core (250 G products/s, a byte for 128 of them).
constexpr int64_t kBlockRows = 128;

/// Where a buffer lies in this entry's arena.
struct Placement {
  bool perThread = false;
  bool block = false; ///< perThread, and only for the rows of the current block of its chain
  int64_t offset = 0, bytes = 0;
};

struct Schedule {
  bool few = false; ///< decode: few rows, so columns are shared out instead of rows
  int64_t maxRows = 0;
  std::vector<Share> shares;        ///< by step
  std::vector<bool> barrierBefore;  ///< by step
  std::vector<bool> continuesChain; ///< by step: belongs to the chain of the step before
  int64_t blockRows = 0;
  std::vector<Placement> placements; ///< by buffer
  int64_t arenaBytes = 0, threadBytes = 0;
  int64_t rowInfoOffset = 0, scratchOffset = 0; ///< in the memory of the thread
};

Schedule makeSchedule(const Plan &plan, bool few, int64_t maxRows, int64_t blockRows = kBlockRows);

} // namespace lmopt::lower

#endif
