// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs scheduled for teams of threads on CPUs: of a decoder's program one for many rows at once (prefill) and one
// for few (decode), of an encoder's one (encode). In: a module with a program whose layouts are chosen. Out: those
// programs, with shares, places, chains and waits. The algorithm is codegen/plan/Schedule.h; here is what it asks of
// CPUs. The pass is cpu-schedule; tested by test/codegen/cpu/schedule*.mlir and test/unit/codegen/ScheduleTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_SCHEDULEPROGRAMS_H
#define LMOPT_CODEGEN_CPU_SCHEDULEPROGRAMS_H

#include "dialects/plan/Plan.h"

namespace lmopt::cpu {

/// Most rows of one step. 512 tokens of prefill fill the register tiles and keep the arena near 10 MB for a model of
/// width 576; decode takes up to 16 sessions at a time: beyond, the matrix units, not memory, would be the limit.
constexpr int64_t kPrefillRows = 512;
constexpr int64_t kDecodeRows = 16;

/// Rows of one block of a chain. Weights are read once a block, from the third-level cache or memory: 128 rows make
/// that 4 GB/s at the peak of the integer products of one core (250 G products/s, a byte for 128 of them).
constexpr int64_t kBlockRows = 128;

/// Fails with a located error where the layouts of a program have not been chosen.
mlir::LogicalResult schedulePrograms(mlir::ModuleOp module);

/// One program, in place.
void scheduleProgram(plan::ProgramOp program, bool few, int64_t maxRows, int64_t blockRows = kBlockRows);

void registerSchedulePass();

} // namespace lmopt::cpu

#endif
