// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrices as GPUs keep them, for all whose ops have one. Tested by test/codegen/ptx.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_LINEARMODEL_H
#define LMOPT_CODEGEN_PTX_LINEAR_LINEARMODEL_H

#include "codegen/ptx/Ptx.h"
#include "codegen/ptx/linear/Fragments.h"

namespace lmopt::nvptx {

/// Whether there is a layout for matrices of this type.
bool hasFragments(mlir::Type matrix);
/// The product of such a matrix.
LinearSpec linearSpec(mlir::Type matrix, bool bias);
/// A matrix, and a bias or null, as packed fragments.
plan::PackedUse packedFragments(mlir::Operation *user, mlir::FlatSymbolRefAttr matrix, mlir::FlatSymbolRefAttr bias);
/// Whether both steps are products of the same rows that one kernel makes together.
bool canShareLaunch(plan::StepOp a, plan::StepOp c);
/// Refuses what has no layout.
mlir::LogicalResult checkFormat(mlir::Operation *user, mlir::FlatSymbolRefAttr matrix);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_LINEARMODEL_H
