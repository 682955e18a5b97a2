// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Trees of words for the tests of kernels that go their ways, and what a word's logit must be, bit for bit: what adding
// from the root on gives.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_TREEPROBLEM_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_TREEPROBLEM_H

#include "codegen/Functions.h"
#include "codegen/cpu/ranking/WordTree.h"
#include "test/unit/codegen/ptx/HostEmitter.h"

#include <cmath>
#include <cstring>
#include <functional>

namespace lmopt::kerneltest {

/// Sides of nodes, parents first; `cut` says how many of so many words go left.
struct Tree {
  std::vector<int64_t> left, right;

  Tree(int64_t words, const std::function<int64_t(int64_t)> &cut) {
    std::vector<std::pair<int64_t, int64_t>> spans = {{0, words}}; // of each node, which grow in number as it goes
    for (size_t node = 0; node < spans.size(); ++node) {
      auto [first, end] = spans[node];
      int64_t middle = first + cut(end - first);
      auto side = [&](int64_t from, int64_t to) {
        if (to - from == 1)
          return from;
        spans.push_back({from, to});
        return words + static_cast<int64_t>(spans.size()) - 1;
      };
      left.push_back(side(first, middle));
      right.push_back(side(middle, end));
    }
  }
};

inline float toLeft(float score) {
  HostEmitter e;
  auto power = functions::exp(e, HostEmitter::of(0 - std::fabs(score)));
  auto log = functions::log(e, e.add(HostEmitter::of(1.0F), power));
  return HostEmitter::number(e.sub(HostEmitter::of(0 < score ? 0 : score), log));
}

inline std::vector<float> expected(const Tree &tree, const float *scores) {
  size_t words = tree.left.size() + 1;
  std::vector<float> logs(words + tree.left.size());
  for (size_t node = 0; node < tree.left.size(); ++node) {
    float left = toLeft(scores[node]);
    volatile float right = left - scores[node]; // rounded, whatever the compiler may do
    logs[size_t(tree.left[node])] = logs[words + node] + left;
    logs[size_t(tree.right[node])] = logs[words + node] + right;
  }
  logs.resize(words);
  return logs;
}

inline bool sameBits(const std::vector<float> &a, const std::vector<float> &b) {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i)
    if (std::memcmp(&a[i], &b[i], 4) != 0 && !(std::isnan(a[i]) && std::isnan(b[i])))
      return false;
  return a.size() == b.size();
}

/// As kernels are given it.
struct PackedTree {
  cpu::TreeTables sizes;
  std::vector<char> tables;

  explicit PackedTree(const Tree &tree) {
    mlir::MLIRContext context;
    context.loadDialect<lm::LMDialect>();
    auto attribute = lm::WordTreeAttr::get(&context, tree.left, tree.right);
    sizes = cpu::treeTables(attribute);
    tables.resize(size_t(sizes.bytes()));
    cpu::packWordTree(attribute, tables);
  }
};

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_TREEPROBLEM_H
