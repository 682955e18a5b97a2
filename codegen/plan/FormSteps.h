// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the function of a model to a program of steps, for any target: ops that are kernels of their own become one step
// each, the row-wise ops between them one step together, so that a row passes through all of them while it is in the
// first-level cache. In: a module with @forward or @encode. Out: the same module, with a plan.program in its place;
// with one more where @forward gives "top_logits" beside the logits, and where there is @score. The pass is
// plan-form-steps; tested by test/codegen/plan/form-steps*.mlir.
#ifndef LMOPT_CODEGEN_PLAN_FORMSTEPS_H
#define LMOPT_CODEGEN_PLAN_FORMSTEPS_H

#include "dialects/plan/Plan.h"

namespace lmopt::plan {

/// The program that gives the greatest logits only, of a model that can (result "top_logits" of @forward).
inline constexpr llvm::StringLiteral kTopFunction = "forward_top";

/// The function, and the program, that gives a score for a token that is known instead of all logits.
inline constexpr llvm::StringLiteral kScoreFunction = "score";

/// Fails with a located error where the model is not supported.
mlir::LogicalResult formSteps(mlir::ModuleOp module);

/// "code generation: ..." at the op: how planning says that something is not supported.
mlir::LogicalResult refuse(mlir::Operation *op, const llvm::Twine &message);

/// A step that only copies: brings rows into a domain, or into memory of their own.
mlir::Value copyRows(mlir::OpBuilder &builder, mlir::Value rows, Domain domain);

/// Makes plan-form-steps known to lmopt-opt.
void registerFormStepsPass();

} // namespace lmopt::plan

#endif
