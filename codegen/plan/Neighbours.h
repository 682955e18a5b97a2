// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an op's code must know of the ops around it, the same for every target: who reads what it makes, who else has
// its table, which rotary angles hold for the program. Tested by all compiled models.
#ifndef LMOPT_CODEGEN_PLAN_NEIGHBOURS_H
#define LMOPT_CODEGEN_PLAN_NEIGHBOURS_H

#include "codegen/PositionBias.h"
#include "dialects/lm/attention/Attention.h"
#include "dialects/plan/Plan.h"

namespace lmopt::plan {

/// Whether all that is done with a value is to quantize it, turned or not, or to round it to bf16.
bool endsIn8Bits(mlir::Value value);

/// The bias of a product that has the table as its matrix (tied head), null where it has none; nothing where there is
/// no such product. The last one where there are more. One of any program of the artifact: they share their weights.
std::optional<mlir::FlatSymbolRefAttr> findTied(mlir::FlatSymbolRefAttr table, ProgramOp program);

/// The op that reads what an append keeps: heads, scale and mask are its, or null.
lm::AttendOp readerOf(StepOp append);

/// What attention adds to its scores, and where a table of it ends: left alone where there is nothing.
void readBias(lm::AttendOp attend, PositionBias &bias, int64_t &largestDistance);

/// Positions beyond which a sequence is turned by other angles; 0: by the same at any length.
int64_t ropeSwitch(lm::RopeAttr rope, ProgramOp program);

/// Refuses rope that no code turns, and tells the program where its angles change.
mlir::LogicalResult prepareRope(mlir::Operation *op, lm::RopeAttr rope, ProgramOp program);

} // namespace lmopt::plan

#endif // LMOPT_CODEGEN_PLAN_NEIGHBOURS_H
