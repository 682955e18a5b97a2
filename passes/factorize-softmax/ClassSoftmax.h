// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Heads by classes: a dense head becomes one, by classes of words, as an adaptive softmax or by a tree; and one gives
// its greatest logits alone, or the score of one word. What they do stands in FactorizeSoftmax.td. Tested by
// test/passes/factorize-softmax.
#ifndef LMOPT_PASSES_FACTORIZESOFTMAX_CLASSSOFTMAX_H
#define LMOPT_PASSES_FACTORIZESOFTMAX_CLASSSOFTMAX_H

#include "dialects/lm/Lm.h"
#include "passes/analysis/ParamUses.h"
#include "passes/factorize-softmax/ClassHead.h"
#include "passes/factorize-softmax/WordClasses.h"

#include <string>

namespace lmopt::lm {

struct ClassOptions {
  std::string stats, by, base;
  int64_t classes = 0; ///< 0: the root of the number of words
  double limit = 0;    ///< of the KL in nats
};

struct AdaptiveOptions {
  std::string stats, base;
  llvm::ArrayRef<int64_t> cuts; ///< where clusters begin; none: those of least cost
  int64_t clusters = 0;         ///< 0: as many as cost least
  double call = 0, flat = 0;    ///< cost of a product, in rows (Cuts.h)
  double limit = 0;
};

/// Puts a softmax of two levels in the place of a head in f32.
mlir::LogicalResult factorizeByClasses(mlir::ModuleOp module, LinearOp head, const ClassOptions &options);

/// Puts an adaptive softmax in the place of a head in f32: the most frequent words, exact, and clusters of the others.
mlir::LogicalResult factorizeByFrequency(mlir::ModuleOp module, LinearOp head, const AdaptiveOptions &options);

/// Puts a softmax by a binary tree in the place of a head in f32; `classes` is not asked for.
mlir::LogicalResult factorizeByTree(mlir::ModuleOp module, LinearOp head, const ClassOptions &options);

/// @score, which scores a word that is known by the tree, beside the function that such logits are from.
mlir::LogicalResult addScoreFunction(mlir::ModuleOp module, mlir::func::FuncOp function, TreeLogitsOp logits);

//===--- What they are made with ---===//

/// An error where nothing could be fitted, or what was fitted is beyond the limit on rows that took no part.
mlir::LogicalResult checkFit(LinearOp head, const std::optional<ClassHead> &fitted, double limit);

/// Leaves a head the words that share their class with another, and makes logits of all words of its results and of
/// scores of the classes, `vectors` x + `offsets`.
void insertClassLogits(ParamUses &uses, LinearOp head, ParamOp vectors, ParamOp offsets, const WordClasses &classes);

/// The `count` greatest of such logits, as a value behind them; null after an error has been told.
mlir::Value addTopClassLinear(ClassLogitsOp logits, int64_t count);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FACTORIZESOFTMAX_CLASSSOFTMAX_H
