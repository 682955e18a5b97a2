// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrices as GPUs keep them, for all whose ops have one. Tested by test/codegen/ptx.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_LINEARMODEL_H
#define LMOPT_CODEGEN_PTX_LINEAR_LINEARMODEL_H

#include "codegen/ptx/Ptx.h"
#include "codegen/ptx/linear/Fragments.h"
#include "codegen/ptx/rows/RowModel.h"

namespace lmopt::nvptx {

/// Whether there is a layout for matrices of this type.
bool hasFragments(mlir::Type matrix);
/// The product of such a matrix.
LinearSpec linearSpec(mlir::Type matrix, bool bias);
/// A matrix, and a bias or null, as packed fragments.
plan::PackedUse packedFragments(mlir::Operation *user, mlir::FlatSymbolRefAttr matrix, mlir::FlatSymbolRefAttr bias);
/// Where the rows of a product in `step` lie, which are the value `inside` there, with what belongs to codes.
std::vector<Argument> placesOfRows(plan::StepOp step, mlir::Value inside, const LinearSpec &linear);
bool isProduct(plan::StepOp step);
/// The rows that a product reads.
mlir::Value inputOf(plan::StepOp product);
/// Whether both steps are products of the same rows that one kernel makes together.
bool canShareLaunch(plan::StepOp a, plan::StepOp c);
/// Whether a product can make such rows itself.
bool canMakeWidth(mlir::Value rows);
/// Launches products that make their rows by this program, for as many rows and positions as that costs less than a
/// launch: these, or a window that is never.
Launch launchWithRows(llvm::ArrayRef<plan::StepOp> products, const RowProgram &rows, LaunchBuilder &launches);
/// A product of which only marked results are made.
struct MarkedProduct {
  plan::PackedUse weights;
  std::vector<Argument> rows; ///< placesOfRows
  Argument results;
  int64_t stride = 0; ///< bytes from one row of results to the next
  Argument marks;     ///< LinearResults::marks
};
/// Launches it for the builder's step, for all rows that its program may have.
void launchMarked(LaunchBuilder &launches, const MarkedProduct &product);
/// Refuses what has no layout.
mlir::LogicalResult checkFormat(mlir::Operation *user, mlir::FlatSymbolRefAttr matrix);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_LINEARMODEL_H
