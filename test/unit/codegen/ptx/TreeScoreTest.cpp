// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scores of known words by a tree on the interpreter, bit for bit the logits that the whole product of few rows and the
// ways give: in f32, bf16, 8 bits and groups of every kind, with trees that are a line, balanced and by chance, nodes
// that end within a tile, rows beside one another; NaN. It reads the tiles of the way and no others. Plain and strict.
#include "codegen/ptx/ranking/TreeScore.h"
#include "codegen/ptx/linear/LinearDecode.h"
#include "test/unit/codegen/ptx/ProductOperands.h"
#include "test/unit/codegen/ptx/TreeProblem.h"

#include <limits>
#include <random>

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::LinearDecodeSpec;

namespace {

struct Scored {
  LinearSpec exact;
  std::vector<Argument> operands;
  int64_t rows;
  PackedTree packed;
  std::vector<int32_t> targets;

  template <class Problem>
  Scored(const Tree &tree, const Problem &problem)
      : exact(problem.spec), operands(operandsOf(problem)), rows(problem.rows), packed(tree) {
    std::mt19937 random(3);
    for (int64_t row = 0; row < rows; ++row)
      targets.push_back(int32_t(random() % uint32_t(packed.sizes.words())));
  }

  /// Scores of all nodes.
  std::vector<float> product() const {
    std::vector<Argument> arguments = operands;
    size_t stride = size_t(4 * exact.outputs);
    arguments.insert(arguments.end(), {result(size_t(rows) * stride), number(int64_t(stride)), number(rows)});
    EmittedKernel kernel =
        emit("sm_80", [&](auto &kernels) { return linearDecodeKernel(kernels, LinearDecodeSpec{exact, /*rows=*/8}); });
    return as<float>(runPlain(kernel, {uint32_t(exact.tiles()), uint32_t(rows + 7) / 8, 1}, arguments).result);
  }
  Finished score(int64_t stride, const std::string &chip = "sm_80") const {
    std::vector<Argument> arguments = operands;
    arguments.insert(arguments.end(), {memory(packed.tables), memory(targets), result(size_t(rows * stride))});
    EmittedKernel kernel = emit(
        chip, [&](nvptx::KernelLibrary &kernels) { return treeScoreKernel(kernels, {exact, packed.sizes, stride}); });
    return run(kernel, {uint32_t(rows), 1, 1}, arguments);
  }
};

/// `stride`: bytes from one row of results to the next; behind the number they are zero.
void expectRight(const Tree &tree, const Scored &scored, int64_t stride, const std::string &chip = "sm_80") {
  Finished finished = scored.score(stride, chip);
  ASSERT_EQ(finished.error, "");
  std::vector<float> found = as<float>(finished.result), scores = scored.product(), wanted;
  for (size_t row = 0; row < size_t(scored.rows); ++row) {
    wanted.push_back(expected(tree, &scores[row * tree.left.size()])[size_t(scored.targets[row])]);
    wanted.resize(wanted.size() + size_t(stride / 4 - 1));
  }
  EXPECT_TRUE(sameBits(found, wanted)) << scored.exact.outputs << " nodes, " << scored.rows << " rows";
}

Tree balanced(int64_t words) {
  return Tree(words, [](int64_t count) { return count / 2; });
}
Tree line(int64_t words) {
  return Tree(words, [](int64_t) { return 1; });
}
Tree byChance(int64_t words) {
  std::mt19937 random(9);
  return Tree(words, [&](int64_t count) { return 1 + int64_t(random() % uint32_t(count - 1)); });
}

class PtxTreeScore : public testing::TestWithParam<WeightFormat> {};

TEST_P(PtxTreeScore, IsTheLogitOfTheWholeProduct) {
  for (const Tree &tree : {balanced(2), balanced(97), line(60), byChance(150)})
    for (auto [inputs, rows] : {std::pair<int64_t, int64_t>(40, 1), {300, 11}})
      for (int64_t stride : {4, 32})
        expectRight(tree, Scored(tree, LinearProblem({int64_t(tree.left.size()), inputs, GetParam(), true}, rows)),
                    stride);
  expectRight(balanced(40), Scored(balanced(40), LinearProblem({39, 64, GetParam(), false}, 3)), 4, "sm_90a");
}
INSTANTIATE_TEST_SUITE_P(
    Formats, PtxTreeScore, testing::Values(WeightFormat::F32, WeightFormat::Bf16, WeightFormat::S8Rows),
    [](const auto &info) {
      return std::string(info.param == WeightFormat::F32 ? "F32" : info.param == WeightFormat::Bf16 ? "Bf16" : "S8");
    });

class PtxGroupedTreeScore : public testing::TestWithParam<GroupFormat> {};

TEST_P(PtxGroupedTreeScore, IsTheLogitOfTheWholeProduct) {
  Tree tree = byChance(70);
  expectRight(tree, Scored(tree, GroupedProblem(GetParam().spec(69, 3 * GetParam().group, true), 3)), 4);
}
INSTANTIATE_TEST_SUITE_P(Formats, PtxGroupedTreeScore, testing::ValuesIn(groupFormats()),
                         [](const auto &info) { return std::string(info.param.name); });
INSTANTIATE_TEST_SUITE_P(Codebooks, PtxGroupedTreeScore, testing::ValuesIn(codebookFormats()),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(PtxTreeScoreOf, NumbersThatAreNone) {
  Tree tree = balanced(50);
  LinearProblem problem({49, 32, WeightFormat::F32, true}, 2);
  problem.setInput(1, 3, std::nanf(""));
  expectRight(tree, Scored(tree, problem), 4);
  LinearProblem large({49, 32, WeightFormat::F32, true}, 2);
  large.setInput(0, 3, std::numeric_limits<float>::infinity());
  expectRight(tree, Scored(tree, large), 4);
}

// Ten nodes of 1023, at most as many tiles of 64.
TEST(PtxTreeScoreOf, ReadsTheTilesOfTheWay) {
  Tree tree = balanced(1024);
  LinearProblem problem({1023, 256, WeightFormat::S8Rows, true}, 1);
  Finished finished = Scored(tree, problem).score(4);
  double whole = double(problem.spec.bytes()) / 32, most = whole * 10 / 64 + 200; // and rows, tables
  EXPECT_LE(double(finished.counters.globalLoadSectors), most);
  EXPECT_GE(double(finished.counters.globalLoadSectors), whole * 5 / 64);
}

} // namespace
