// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears with fewer results or inputs: some rows or columns of their weights are left. In: linears that alone use
// their weights. Out: the same, narrower; whoever makes or reads their values is the caller's business. Tested by
// test/passes/{prune-ffn,prune-heads,drop-dead-neurons}.
#ifndef LMOPT_PASSES_ANALYSIS_NARROWLINEAR_H
#define LMOPT_PASSES_ANALYSIS_NARROWLINEAR_H

#include "passes/analysis/ParamUses.h"

namespace lmopt::lm {

/// Leaves only these rows of a matrix, or numbers of a vector.
void takeRows(ParamOp param, llvm::ArrayRef<int64_t> kept);

/// Leaves only these rows: of the weight, the bias, the result.
void takeRows(LinearOp linear, llvm::ArrayRef<int64_t> kept, const ParamUses &uses);

/// Leaves only these columns of the weight.
void takeColumns(LinearOp linear, llvm::ArrayRef<int64_t> kept, const ParamUses &uses);

/// Gives rows of values another width.
void setWidth(mlir::Value rows, int64_t width);

/// `kept` blocks of `width` neighbours each as a list of all of them.
std::vector<int64_t> expandBlocks(llvm::ArrayRef<int64_t> kept, int64_t width);

/// A feed-forward block: linears, an activation or a gated product, a linear; nothing else uses its weights and values.
struct FeedForward {
  LinearOp down;
  mlir::Operation *middle; ///< gated product or activation
  llvm::SmallVector<LinearOp, 2> before;
};

/// The block that ends in that linear, or why there is none to be changed; nothing when it ends no such block.
std::optional<std::variant<FeedForward, std::string>> matchFeedForward(LinearOp down, const ParamUses &uses);

/// Leaves only these neurons before the last linear.
void takeNeurons(const FeedForward &block, llvm::ArrayRef<int64_t> kept, const ParamUses &uses);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_ANALYSIS_NARROWLINEAR_H
