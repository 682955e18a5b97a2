// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A softmax by a binary tree in the place of a dense head, and the function that scores known words by it. In: the
// head, what it read (statistics). Out: a matrix with a row for each node, lm.tree_logits; @score with lm.tree_score.
// From techniques 5.5; Morin and Bengio, Hierarchical probabilistic neural network language model (2005). Tested by
// test/passes/factorize-softmax/tree.mlir and test/unit/models/TreeSoftmaxTest.cpp.
#include "passes/factorize-softmax/ClassSoftmax.h"
#include "passes/factorize-softmax/HeadNumbers.h"
#include "passes/factorize-softmax/TreeHead.h"

#include "dialects/lm/Build.h"
#include "dialects/lm/PartNames.h"
#include "dialects/lm/Verify.h"
#include "passes/analysis/NarrowLinear.h"
#include "passes/analysis/Tell.h"

#include <numeric>

using namespace mlir;

namespace lmopt::lm {

static constexpr llvm::StringLiteral kPass = "lm-factorize-softmax";

static InFlightDiagnostic error(Operation *op) { return op->emitError() << kPass << ": "; }

/// Leaves the head the nodes of the tree, and makes logits of their scores.
static void rewrite(ModuleOp module, LinearOp head, const WordTree &tree, const ClassHead &fitted, int64_t width) {
  ParamUses uses(module);
  ParamOp table = uses.lookup(head.getWeightAttr());
  ParamOp vectors = makeFittedBeside(table, "nodes", {tree.nodes(), width}, fitted.weight);
  ParamOp offsets = makeFittedBeside(table, "nodes.bias", {tree.nodes()}, fitted.bias);
  uses.forget(head);
  head.setWeightAttr(refTo(vectors));
  head.setBiasAttr(refTo(offsets));
  uses.record(head);
  uses.eraseUnused();
  Value scores = head.getResult();
  Type all = scores.getType();
  setWidth(scores, tree.nodes());
  OpBuilder builder(head.getContext());
  builder.setInsertionPointAfter(head);
  auto logits = TreeLogitsOp::create(builder, head.getLoc(), all, scores,
                                     WordTreeAttr::get(head.getContext(), tree.left, tree.right));
  nameAfter(logits, scores, "logits");
  scores.replaceAllUsesExcept(logits, logits);
}

/// The mean number of nodes on the way to a word.
static double meanLength(const WordTree &tree, const std::vector<double> &counts) {
  double sum = 0, all = std::accumulate(counts.begin(), counts.end(), 0.0);
  std::vector<int64_t> depths = tree.depths();
  for (size_t word = 0; word < counts.size(); ++word)
    sum += counts[word] / all * static_cast<double>(depths[word]);
  return sum;
}

LogicalResult factorizeByTree(ModuleOp module, LinearOp head, const ClassOptions &options) {
  int64_t words = widthOf(head.getResult());
  if (words < 2)
    return error(head) << "expected at least two tokens for a tree, found " << words;
  FailureOr<HeadNumbers> numbers = readHeadNumbers(module, head, options.stats, options.base);
  FailureOr<std::vector<double>> counts =
      failed(numbers) ? FailureOr<std::vector<double>>(failure()) : frequenciesOf(head, *numbers);
  if (failed(counts))
    return failure();
  MLIRContext *context = module.getContext();
  int64_t width = numbers->rows.width;
  WordTree tree = options.by == "frequency" ? treeByFrequency(*counts)
                                            : treeByDirection(context, numbers->weight.data(), width, *counts);
  PanelMatrix panels(numbers->weight.data(), words, width);
  std::optional<ClassHead> fitted = fitTreeHead(context, numbers->rows, panels, numbers->bias, tree);
  if (failed(checkFit(head, fitted, options.limit)))
    return failure();
  tellPassed(kPass, "TreeSoftmax", head) << remark::metric("By", options.by)
                                         << remark::metric("MeanLength", meanLength(tree, *counts))
                                         << remark::metric("Rows", numbers->rows.count())
                                         << remark::metric("FittedKL", fitted->fitted)
                                         << remark::metric("HeldOutKL", fitted->heldOut);
  rewrite(module, head, tree, *fitted, width);
  return success();
}

//===--- Scores of known words ---===//

LogicalResult addScoreFunction(ModuleOp module, func::FuncOp function, TreeLogitsOp logits) {
  auto product = logits.getScores().getDefiningOp<LinearLikeOpInterface>();
  if (!product)
    return error(logits) << "expected scores of nodes that a linear makes";
  IRMapping mapping;
  auto score = cast<func::FuncOp>(function->clone(mapping));
  score.setSymName("score");
  module.insert(std::next(Block::iterator(function)), score);
  Builder builder(module.getContext());
  auto attributes = builder.getDictionaryAttr(builder.getNamedAttr("lm.input", builder.getStringAttr("targets")));
  if (failed(score.insertArgument(2, score.getArgumentTypes()[0], attributes, function.getLoc())))
    return error(function) << "cannot take targets";
  auto own = cast<TreeLogitsOp>(mapping.lookup(logits.getOperation()));
  auto ownProduct = cast<LinearLikeOpInterface>(mapping.lookup(product.getOperation()));
  OpBuilder at(own);
  auto scores =
      TreeScoreOp::create(at, own.getLoc(), withWidth(own, 1), ownProduct.getInput(), ownProduct.getWeightAttr(),
                          ownProduct.getBiasAttr(), score.getArgument(2), own.getTree());
  nameAfter(scores, own.getResult(), "score");
  own.replaceAllUsesWith(scores.getResult());
  own.erase();
  ownProduct->erase();
  Operation *end = score.getBody().front().getTerminator();
  score.setType(builder.getFunctionType(score.getArgumentTypes(), end->getOperandTypes()));
  score.setResultAttr(0, "lm.result", builder.getStringAttr("scores"));
  tellPassed(kPass, "ScoreFunction", scores);
  return success();
}

} // namespace lmopt::lm
