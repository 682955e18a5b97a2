// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fit of scores of nodes; see TreeHead.h. Cost for R rows, N words, width K: products of R N K twice, a solution of
// K² for each node. Memory: the head, two matrices as large, 256 rows of 2 N numbers.
#include "passes/factorize-softmax/TreeHead.h"

#include "dialects/lm/weights/LeastSquares.h"
#include "passes/factorize-softmax/RowProducts.h"

#include "mlir/IR/Threading.h"

#include <algorithm>
#include <cmath>

namespace lmopt::lm {

namespace {

constexpr int64_t kBlock = 256;    ///< rows at a time
constexpr int64_t kNodeBlock = 64; ///< nodes that a thread takes
constexpr double kDamping = 1e-2;
constexpr float kLeast = 1e-30f;
constexpr int64_t kJudged = 1024; ///< rows of each kind that say what the fit is worth, at most

class TreeFit {
public:
  TreeFit(mlir::MLIRContext *context, const HeadRows &rows, const PanelMatrix &words, const std::vector<float> &bias,
          const WordTree &tree)
      : context(context), all(rows), words(words), bias(bias), tree(tree), width(rows.width + 1) {}

  std::optional<ClassHead> run() {
    SquareMatrix moments(width);
    std::vector<float> targets(static_cast<size_t>(tree.nodes() * width));
    std::vector<int64_t> fitted = chosen(false, all.count());
    for (size_t first = 0; first < fitted.size(); first += kBlock)
      addBlock(slice(fitted, first), moments, targets);
    moments.addToDiagonal(kDamping * moments.meanDiagonal());
    if (!factorize(moments))
      return std::nullopt;
    std::vector<float> vectors = solveAll(moments, targets);
    if (!std::all_of(vectors.begin(), vectors.end(), [](float x) { return std::isfinite(x); }))
      return std::nullopt;
    ClassHead head;
    head.fitted = meanDivergence(vectors, chosen(false, kJudged));
    head.heldOut = meanDivergence(vectors, chosen(true, kJudged));
    for (int64_t node = 0; node < tree.nodes(); ++node) {
      auto row = vectors.begin() + node * width;
      head.weight.insert(head.weight.end(), row, row + width - 1);
      head.bias.push_back(row[width - 1]);
    }
    return head;
  }

private:
  mlir::MLIRContext *context;
  const HeadRows &all;
  const PanelMatrix &words;
  const std::vector<float> &bias;
  const WordTree &tree;
  int64_t width; ///< with a one behind each row

  /// Rows of the fit or the others, evenly spaced where there are more than so many.
  std::vector<int64_t> chosen(bool heldOut, int64_t most) const {
    std::vector<int64_t> found, some;
    for (int64_t r = 0; r < all.count(); ++r)
      if (isHeldOut(r) == heldOut)
        found.push_back(r);
    size_t step = std::max<size_t>(1, found.size() / static_cast<size_t>(most));
    for (size_t i = 0; i < found.size(); i += step)
      some.push_back(found[i]);
    return some;
  }

  static std::vector<int64_t> slice(const std::vector<int64_t> &rows, size_t first) {
    return {rows.begin() + static_cast<std::ptrdiff_t>(first),
            rows.begin() + static_cast<std::ptrdiff_t>(std::min(rows.size(), first + kBlock))};
  }

  std::vector<float> inputsOf(const std::vector<int64_t> &some) const {
    std::vector<float> inputs;
    for (int64_t r : some) {
      inputs.insert(inputs.end(), all.rows.begin() + r * all.width, all.rows.begin() + (r + 1) * all.width);
      inputs.push_back(1);
    }
    return inputs;
  }

  /// The probability of each word, then of getting to each node.
  std::vector<float> massesOf(int64_t r) const {
    int64_t count = tree.words();
    std::vector<float> masses(static_cast<size_t>(std::max(words.stride(), count + tree.nodes())));
    words.multiply(&all.rows[static_cast<size_t>(r * all.width)], 1, masses.data());
    masses.resize(static_cast<size_t>(count + tree.nodes()));
    for (int64_t n = 0; n < count; ++n) {
      double logit = static_cast<double>(masses[n]) + (bias.empty() ? 0.0 : static_cast<double>(bias[n]));
      masses[n] = std::max(std::exp(static_cast<float>(logit - all.lse[static_cast<size_t>(r)])), kLeast);
    }
    for (int64_t node = tree.nodes() - 1; node >= 0; --node)
      masses[count + node] = masses[tree.left[node]] + masses[tree.right[node]];
    return masses;
  }

  void addBlock(const std::vector<int64_t> &some, SquareMatrix &moments, std::vector<float> &sums) const {
    auto number = static_cast<int64_t>(some.size());
    std::vector<float> inputs = inputsOf(some), targets(static_cast<size_t>(number * tree.nodes()));
    mlir::parallelFor(context, 0, some.size(), [&](size_t i) {
      std::vector<float> masses = massesOf(some[i]);
      for (int64_t node = 0; node < tree.nodes(); ++node)
        targets[i * static_cast<size_t>(tree.nodes()) + static_cast<size_t>(node)] =
            std::log(masses[tree.left[node]] / masses[tree.right[node]]);
    });
    auto blocks = static_cast<size_t>((tree.nodes() + kNodeBlock - 1) / kNodeBlock);
    mlir::parallelFor(context, 0, blocks, [&](size_t block) {
      int64_t first = static_cast<int64_t>(block) * kNodeBlock, count = std::min(kNodeBlock, tree.nodes() - first);
      addOuterProducts(targets.data() + first, tree.nodes(), count, inputs.data(), width, number,
                       sums.data() + first * width);
    });
    std::vector<float> squares(moments.numbers.size());
    addOuterProducts(inputs.data(), width, width, inputs.data(), width, number, squares.data());
    for (size_t i = 0; i < squares.size(); ++i)
      moments.numbers[i] += squares[i];
  }

  std::vector<float> solveAll(const SquareMatrix &factor, std::vector<float> sums) const {
    mlir::parallelFor(context, 0, static_cast<size_t>(tree.nodes()), [&](size_t node) {
      float *row = &sums[node * static_cast<size_t>(width)];
      std::vector<double> vector(row, row + width);
      solve(factor, vector.data());
      std::copy(vector.begin(), vector.end(), row);
    });
    return sums;
  }

  double meanDivergence(const std::vector<float> &vectors, const std::vector<int64_t> &some) const {
    PanelMatrix matrix(vectors.data(), tree.nodes(), width);
    std::vector<double> losses(some.size());
    mlir::parallelFor(context, 0, some.size(), [&](size_t i) {
      std::vector<float> masses = massesOf(some[i]), input = inputsOf({some[i]});
      std::vector<float> scores(static_cast<size_t>(matrix.stride()));
      matrix.multiply(input.data(), 1, scores.data());
      for (int64_t node = 0; node < tree.nodes(); ++node)
        losses[i] += lossOf(masses[tree.left[node]], masses[tree.right[node]], scores[node]);
    });
    double sum = 0;
    for (double loss : losses)
      sum += loss / static_cast<double>(some.size());
    return sum;
  }

  /// Of a decision that comes with probability left + right.
  static double lossOf(double left, double right, double score) {
    double all = left + right, toLeft = std::min(score, 0.0) - std::log1p(std::exp(-std::abs(score)));
    return left * (std::log(left / all) - toLeft) + right * (std::log(right / all) - toLeft + score);
  }
};

} // namespace

std::optional<ClassHead> fitTreeHead(mlir::MLIRContext *context, const HeadRows &rows, const PanelMatrix &words,
                                     const std::vector<float> &bias, const WordTree &tree) {
  return TreeFit(context, rows, words, bias, tree).run();
}

} // namespace lmopt::lm
