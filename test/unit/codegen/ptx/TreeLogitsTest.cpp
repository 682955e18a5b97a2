// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Logits by trees of words on the interpreter, bit for bit what adding from the root on gives; trees that are a line,
// balanced and by chance, scores of any size, NaN and infinities. And the logits of words that are known. Plain and
// strict.
#include "codegen/ptx/ranking/TreeLogits.h"
#include "codegen/Functions.h"
#include "codegen/ptx/Rows.h"
#include "test/unit/codegen/ptx/HostEmitter.h"
#include "test/unit/codegen/ptx/KernelRun.h"

#include <cmath>
#include <random>

using namespace lmopt;
using namespace lmopt::kerneltest;

namespace {

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

float toLeft(float score) {
  HostEmitter e;
  auto power = functions::exp(e, HostEmitter::of(0 - std::fabs(score)));
  auto log = functions::log(e, e.add(HostEmitter::of(1.0F), power));
  return HostEmitter::number(e.sub(HostEmitter::of(0 < score ? 0 : score), log));
}

std::vector<float> expected(const Tree &tree, const float *scores) {
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

bool sameBits(const std::vector<float> &a, const std::vector<float> &b) {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i)
    if (std::memcmp(&a[i], &b[i], 4) != 0 && !(std::isnan(a[i]) && std::isnan(b[i])))
      return false;
  return a.size() == b.size();
}

void expectLogits(const Tree &tree, float size) {
  size_t nodes = tree.left.size(), rows = 3, padded = size_t(nvptx::rowBytes(int64_t(nodes), 4)) / 4;
  std::mt19937 random(5);
  std::normal_distribution<float> distribution(0, size);
  std::vector<float> scores(rows * padded), all;
  for (size_t row = 0; row < rows; ++row)
    for (size_t node = 0; node < nodes; ++node)
      scores[row * padded + node] = distribution(random);
  scores[padded] = std::numeric_limits<float>::infinity();
  scores[2 * padded + nodes - 1] = std::nanf("");
  for (size_t row = 0; row < rows; ++row)
    for (float logit : expected(tree, &scores[row * padded]))
      all.push_back(logit);
  mlir::MLIRContext context;
  context.loadDialect<lm::LMDialect>();
  auto attribute = lm::WordTreeAttr::get(&context, tree.left, tree.right);
  cpu::TreeTables sizes = cpu::treeTables(attribute);
  std::vector<char> tables(size_t(sizes.bytes()));
  cpu::packWordTree(attribute, tables);
  int64_t words = int64_t(nodes) + 1;
  EmittedKernel kernel =
      emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return treeLogitsKernel(kernels, sizes, 4 * words); });
  Finished finished = run(kernel, {uint32_t((words + 255) / 256), uint32_t(rows), 1},
                          {memory(scores), memory(tables), result(4 * rows * size_t(words))});
  EXPECT_TRUE(sameBits(as<float>(finished.result), all)) << words << " words";
}

TEST(PtxTreeLogits, EveryShapeOfTree) {
  std::mt19937 random(9);
  for (int64_t words : {2, 3, 97, 256, 300})
    for (float size : {0.1F, 3.0F, 200.0F}) {
      expectLogits(Tree(words, [](int64_t count) { return count / 2; }), size);
      expectLogits(Tree(words, [&](int64_t count) { return 1 + int64_t(random() % uint32_t(count - 1)); }), size);
    }
  expectLogits(Tree(120, [](int64_t) { return 1; }), 1);
  expectLogits(Tree(120, [](int64_t count) { return count - 1; }), 1);
}

TEST(PtxPickLogits, OfTargets) {
  for (size_t outputs : {1, 5, 300}) {
    size_t vocabulary = 41;
    std::vector<float> logits(outputs * vocabulary), picked;
    for (size_t i = 0; i < logits.size(); ++i)
      logits[i] = float(i);
    std::vector<int32_t> targets(2 * outputs), rows;
    for (size_t i = 0; i < targets.size(); ++i)
      targets[i] = int32_t(i * 7 % vocabulary);
    for (size_t i = 0; i < outputs; ++i) {
      rows.push_back(int32_t(2 * i + 1)); // every other token
      picked.push_back(logits[i * vocabulary + size_t(targets[2 * i + 1])]);
    }
    EmittedKernel kernel =
        emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return pickLogitsKernel(kernels, int64_t(vocabulary)); });
    Finished finished =
        run(kernel, {uint32_t((outputs + 255) / 256), 1, 1},
            {memory(logits), memory(targets), memory(rows), result(4 * outputs), number(int64_t(outputs))});
    EXPECT_EQ(as<float>(finished.result), picked);
  }
}

} // namespace
