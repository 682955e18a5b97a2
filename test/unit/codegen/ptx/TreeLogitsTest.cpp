// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Logits by trees of words on the interpreter, bit for bit what adding from the root on gives; trees that are a line,
// balanced and by chance, scores of any size, NaN and infinities. Plain and strict.
#include "codegen/ptx/ranking/TreeLogits.h"
#include "codegen/ptx/Rows.h"
#include "test/unit/codegen/ptx/KernelRun.h"
#include "test/unit/codegen/ptx/TreeProblem.h"

#include <random>

using namespace lmopt;
using namespace lmopt::kerneltest;

namespace {

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
  PackedTree packed(tree);
  int64_t words = int64_t(nodes) + 1;
  EmittedKernel kernel =
      emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return treeLogitsKernel(kernels, packed.sizes, 4 * words); });
  Finished finished = run(kernel, {uint32_t((words + 255) / 256), uint32_t(rows), 1},
                          {memory(scores), memory(packed.tables), result(4 * rows * size_t(words))});
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

} // namespace
