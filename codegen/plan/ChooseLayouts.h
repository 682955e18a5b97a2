// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packed weights of programs, for any target: which matrix, vector or table is packed how, each once however many steps
// use it, in the order of first use (decoding walks through them front to back); and where in the state each layer's
// part lies, of its own for all positions or in a ring (Rings.h). In: a module with programs of steps, and what the
// target says of ops. Out: plan.weight ops, and the steps' weights and offsets. The passes are cpu-choose-layouts and
// ptx-choose-layouts; tested by test/codegen/cpu/choose-layouts.mlir and test/codegen/ptx/choose-layouts.mlir.
#ifndef LMOPT_CODEGEN_PLAN_CHOOSELAYOUTS_H
#define LMOPT_CODEGEN_PLAN_CHOOSELAYOUTS_H

#include "dialects/plan/Plan.h"

namespace lmopt::plan {

/// A weight as a kernel wants it.
struct PackedUse {
  llvm::SmallVector<mlir::Attribute> params; ///< names; none when the layout alone says what it is
  WeightLayoutAttr layout;
};

/// What a target must say of the ops that it has code for.
class LayoutModels {
public:
  virtual ~LayoutModels() = default;
  /// "CPUs", for messages.
  virtual llvm::StringRef targetName() const = 0;
  virtual bool hasModel(mlir::Operation *op, bool isKernel) const = 0;
  /// What to do about an op without one; nothing where there is no telling.
  virtual std::string remedyFor(mlir::Operation *op) const { return ""; }
  /// Refuses what has no code with "code generation: ..." at the op.
  virtual mlir::LogicalResult prepare(mlir::Operation *op, ProgramOp program) const = 0;
  virtual void getPackedWeights(mlir::Operation *op, ProgramOp program,
                                llvm::SmallVectorImpl<PackedUse> &uses) const = 0;
  /// Most rows of a step.
  virtual int64_t mostRows() const = 0;
  /// Bytes of state that the kernel of a step keeps, for each position or for each sequence.
  virtual int64_t getStateBytes(StepOp step) const = 0;
  /// Whether a kernel may write rows that are not padded, as those of the caller's memory are.
  virtual bool writesPackedRows(StepOp step) const = 0;
};

/// Fails with a located error where an op has no code for the target.
mlir::LogicalResult chooseLayouts(mlir::ModuleOp module, const LayoutModels &models);

/// Number of a packed weight among those of the step; -1 where it is not one of them.
int64_t weightNumber(StepOp step, const PackedUse &use);

/// The step whose state (a cache) a step is given, or null.
StepOp stateMaker(StepOp step);

} // namespace lmopt::plan

#endif // LMOPT_CODEGEN_PLAN_CHOOSELAYOUTS_H
