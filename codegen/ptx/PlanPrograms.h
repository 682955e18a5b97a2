// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs of steps planned for GPUs: packed weights (ptx-choose-layouts), then where rows lie and which step must be
// over before which begins (ptx-schedule). In: a module with programs of steps. Out: the same, scheduled: a decoder's
// for many rows and for few, an encoder's for many. Tested by test/codegen/ptx.
#ifndef LMOPT_CODEGEN_PTX_PLANPROGRAMS_H
#define LMOPT_CODEGEN_PTX_PLANPROGRAMS_H

#include "mlir/IR/BuiltinOps.h"

namespace lmopt::nvptx {

/// Most rows of a step: of a prompt (tiles of 128 rows and outputs of a 7B's products are then one for each
/// multiprocessor), and of sequences that are decoded together (what a product of few rows reads weights for once).
constexpr int64_t kPrefillRows = 512, kDecodeRows = 64;
/// Most rows for which the greatest logits are found by a program of their own: each reads tiles of the head that the
/// others do not, where the whole head would be read once for all.
constexpr int64_t kTopRows = 8;

/// Fail with a located error where an op has no code for GPUs.
mlir::LogicalResult chooseLayouts(mlir::ModuleOp module);
mlir::LogicalResult schedulePrograms(mlir::ModuleOp module);

void registerPlanPasses();

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_PLANPROGRAMS_H
