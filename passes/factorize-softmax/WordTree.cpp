// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Trees of words; see WordTree.h. Nodes are numbered in blocks of four levels: those on a way stand together, as
// kernels that read 16 rows at a time like it. Cost by direction: some 12 walks over the rows for each level.
#include "passes/factorize-softmax/WordTree.h"

#include "mlir/IR/Threading.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>
#include <queue>

namespace lmopt::lm {

std::vector<int64_t> WordTree::depths() const {
  std::vector<int64_t> depths(static_cast<size_t>(words() + nodes()));
  for (size_t node = 0; node < left.size(); ++node)
    for (int64_t side : {left[node], right[node]})
      depths[static_cast<size_t>(side)] = depths[static_cast<size_t>(words()) + node] + 1;
  depths.resize(static_cast<size_t>(words()));
  return depths;
}

/// The same tree with its nodes in blocks of four levels, block after block, breadth first in each.
static WordTree inBlocks(const WordTree &tree, int64_t root) {
  constexpr int kLevels = 4;
  int64_t words = tree.words();
  std::vector<int64_t> order, numbers(tree.left.size());
  std::deque<int64_t> roots = {root};
  for (; !roots.empty(); roots.pop_front()) {
    std::deque<std::pair<int64_t, int>> block = {{roots.front(), 0}};
    for (; !block.empty(); block.pop_front()) {
      auto [node, level] = block.front();
      numbers[static_cast<size_t>(node)] = static_cast<int64_t>(order.size());
      order.push_back(node);
      for (int64_t side : {tree.left[static_cast<size_t>(node)], tree.right[static_cast<size_t>(node)]}) {
        if (side < words)
          continue;
        if (level + 1 < kLevels)
          block.emplace_back(side - words, level + 1);
        else
          roots.push_back(side - words);
      }
    }
  }
  WordTree result;
  auto renumbered = [&](int64_t side) {
    return side < words ? side : words + numbers[static_cast<size_t>(side - words)];
  };
  for (int64_t node : order) {
    result.left.push_back(renumbered(tree.left[static_cast<size_t>(node)]));
    result.right.push_back(renumbered(tree.right[static_cast<size_t>(node)]));
  }
  return result;
}

WordTree treeByFrequency(const std::vector<double> &counts) {
  auto words = static_cast<int64_t>(counts.size());
  using Part = std::pair<double, int64_t>; // count, word or node
  std::priority_queue<Part, std::vector<Part>, std::greater<>> parts;
  for (int64_t word = 0; word < words; ++word)
    parts.emplace(counts[static_cast<size_t>(word)], word);
  WordTree tree;
  while (parts.size() > 1) {
    auto [less, right] = parts.top();
    parts.pop();
    auto [more, left] = parts.top();
    parts.pop();
    parts.emplace(less + more, words + tree.nodes());
    tree.left.push_back(left);
    tree.right.push_back(right);
  }
  return inBlocks(tree, tree.nodes() - 1);
}

namespace {

constexpr int kSteps = 6; ///< of the power method: any axis along which parts differ is good
constexpr double kShare =
    0.1; ///< of the mass that all words have alike, so that rare ones are not split off one by one

/// Words of one part, for which a node is made.
struct Part {
  std::vector<int64_t> words;
  int64_t node = 0;
};

class DirectionTree {
public:
  DirectionTree(mlir::MLIRContext *context, const float *rows, int64_t width, const std::vector<double> &counts)
      : context(context), rows(rows), width(width), mass(counts) {
    double all = std::accumulate(mass.begin(), mass.end(), 0.0), count = double(mass.size());
    for (double &share : mass)
      share = (all > 0 ? share / all : 0) * (1 - kShare) + kShare / count;
  }

  WordTree run() {
    Part all;
    all.words.resize(mass.size());
    std::iota(all.words.begin(), all.words.end(), 0);
    tree.left = tree.right = {-1};
    std::vector<Part> level = {std::move(all)};
    while (!level.empty())
      level = splitAll(level);
    return inBlocks(tree, 0);
  }

private:
  mlir::MLIRContext *context;
  const float *rows;
  int64_t width;
  std::vector<double> mass;
  WordTree tree;

  const float *row(int64_t word) const { return rows + word * width; }

  std::vector<Part> splitAll(std::vector<Part> &parts) {
    std::vector<std::pair<Part, Part>> halves(parts.size());
    mlir::parallelFor(context, 0, parts.size(), [&](size_t i) { halves[i] = split(parts[i].words); });
    std::vector<Part> next;
    for (size_t i = 0; i < parts.size(); ++i)
      for (bool right : {false, true}) {
        Part &half = right ? halves[i].second : halves[i].first;
        std::vector<int64_t> &sides = right ? tree.right : tree.left;
        auto words = static_cast<int64_t>(mass.size());
        auto node = static_cast<size_t>(parts[i].node);
        if (half.words.size() == 1) {
          sides[node] = half.words.front();
          continue;
        }
        half.node = tree.nodes();
        sides[node] = words + half.node;
        tree.left.push_back(-1);
        tree.right.push_back(-1);
        next.push_back(std::move(half));
      }
    return next;
  }

  std::pair<Part, Part> split(std::vector<int64_t> words) const {
    std::vector<double> places = along(words);
    std::vector<size_t> order(words.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return places[a] < places[b] || (places[a] == places[b] && a < b); });
    double all = 0, before = 0;
    for (int64_t word : words)
      all += mass[static_cast<size_t>(word)];
    size_t cut = 0;
    while (cut + 1 < words.size() && (cut == 0 || before + half(words, order, cut) <= all / 2))
      before += mass[static_cast<size_t>(words[order[cut++]])];
    std::pair<Part, Part> halves;
    for (size_t i = 0; i < order.size(); ++i)
      (i < cut ? halves.first : halves.second).words.push_back(words[order[i]]);
    std::sort(halves.first.words.begin(), halves.first.words.end());
    std::sort(halves.second.words.begin(), halves.second.words.end());
    return halves;
  }

  /// Half of the mass of the next word: it goes to the side where more of it is.
  double half(const std::vector<int64_t> &words, const std::vector<size_t> &order, size_t cut) const {
    return mass[static_cast<size_t>(words[order[cut]])] / 2;
  }

  /// Where words lie along the axis in which they differ most.
  std::vector<double> along(const std::vector<int64_t> &words) const {
    std::vector<double> mean(static_cast<size_t>(width)), axis;
    for (int64_t word : words)
      for (int64_t k = 0; k < width; ++k)
        mean[static_cast<size_t>(k)] += row(word)[k] / double(words.size());
    axis = difference(words.back(), words.front());
    std::vector<double> places(words.size());
    for (int step = 0; step <= kSteps; ++step) {
      std::vector<double> next(static_cast<size_t>(width));
      for (size_t i = 0; i < words.size(); ++i) {
        places[i] = project(words[i], mean, axis);
        for (int64_t k = 0; k < width; ++k)
          next[static_cast<size_t>(k)] += places[i] * (row(words[i])[k] - mean[static_cast<size_t>(k)]);
      }
      double length = std::sqrt(std::inner_product(next.begin(), next.end(), next.begin(), 0.0));
      if (!(length > 0))
        break; // all alike
      for (int64_t k = 0; k < width; ++k)
        axis[static_cast<size_t>(k)] = next[static_cast<size_t>(k)] / length;
    }
    return places;
  }

  std::vector<double> difference(int64_t a, int64_t b) const {
    std::vector<double> result(static_cast<size_t>(width));
    for (int64_t k = 0; k < width; ++k)
      result[static_cast<size_t>(k)] = double(row(a)[k]) - row(b)[k] + 1e-3; // not at right angles to all that differs
    return result;
  }

  double project(int64_t word, const std::vector<double> &mean, const std::vector<double> &axis) const {
    double sum = 0;
    for (int64_t k = 0; k < width; ++k)
      sum += (row(word)[k] - mean[static_cast<size_t>(k)]) * axis[static_cast<size_t>(k)];
    return sum;
  }
};

} // namespace

WordTree treeByDirection(mlir::MLIRContext *context, const float *rows, int64_t width,
                         const std::vector<double> &counts) {
  return DirectionTree(context, rows, width, counts).run();
}

} // namespace lmopt::lm
