// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of many rows with weights in groups on the interpreter: bit for bit what few rows give. All formats, and
// numbers of a codebook's entries; inputs
// of a part of a stage, of one, of more than the ring has; rows and outputs beyond a block; a bias, padding, both
// architectures, plain and strict; what a load costs; mutations.
#include "codegen/ptx/linear/GroupedTile.h"
#include "test/unit/codegen/ptx/GroupedProblem.h"
#include "test/unit/codegen/ptx/KernelRun.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::GroupedTileSpec;

namespace {

EmittedKernel kernelOf(const GroupedTileSpec &spec, const std::string &chip = "sm_80") {
  return emit(chip, [&](nvptx::KernelLibrary &kernels) { return groupedTileKernel(kernels, spec); });
}

std::vector<Argument> argumentsOf(const GroupedProblem &problem, int64_t stride) {
  return {memory(problem.weights.packed()),      memory(problem.codes), memory(problem.groups),
          result(size_t(problem.rows * stride)), number(stride),        number(problem.rows)};
}
std::array<uint32_t, 3> gridOf(const GroupedProblem &problem) {
  auto blocks = [](int64_t count, int64_t ofBlock) { return uint32_t((count + ofBlock - 1) / ofBlock); };
  return {blocks(problem.spec.tiles(), GroupedTileSpec::kTiles), blocks(problem.rows, GroupedTileSpec::kRows), 1};
}

void expectRight(const LinearSpec &linear, int64_t rows, int64_t stride, const std::string &chip = "sm_80") {
  SCOPED_TRACE(std::to_string(linear.outputs) + " x " + std::to_string(linear.inputs) + ", " + std::to_string(rows) +
               " rows, " + chip);
  GroupedProblem problem(linear, rows);
  Finished finished = run(kernelOf({linear}, chip), gridOf(problem), argumentsOf(problem, stride));
  ASSERT_EQ(finished.error, "");
  std::vector<float> found = as<float>(finished.result);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t n = 0; n < stride / 4; ++n)
      ASSERT_EQ(found[size_t(row * stride / 4 + n)], n < linear.outputs ? problem.expected(row, n) : 0)
          << row << ", " << n;
}

class GroupedTile : public testing::TestWithParam<GroupFormat> {};

TEST_P(GroupedTile, IsThatOfCpus) {
  const GroupFormat &format = GetParam();
  struct Shape {
    int64_t outputs, groups, rows;
    bool bias;
  };
  int64_t ofStage = std::max<int64_t>(128 / format.group, 1);
  for (Shape shape : {Shape{16, 1, 17, false},
                      {70, 3, 64, true},
                      {33, ofStage, 5, false},
                      {64, 2 * ofStage + 1, 65, true},
                      {20, 5 * ofStage, 30, false},
                      {48, 7 * ofStage - 1, 66, true}})
    expectRight(format.spec(shape.outputs, shape.groups * format.group, shape.bias), shape.rows, 4 * shape.outputs);
  expectRight(format.spec(21, 2 * format.group, true), 67, nvptx::rowBytes(21, 4));
  expectRight(format.spec(48, 3 * format.group, true), 66, 4 * 48, "sm_90a");
}

// Weights once for 64 rows, rows once for 64 outputs; of the numbers of a row's groups a sector for each stage.
TEST_P(GroupedTile, ReadsWhatItMust) {
  LinearSpec linear = GetParam().spec(128, 2048, false);
  GroupedProblem problem(linear, 64);
  Finished finished = runOnce(kernelOf({linear}), gridOf(problem), argumentsOf(problem, 4 * 128), std::nullopt);
  ASSERT_EQ(finished.error, "");
  int64_t ofGroups = std::max(problem.layout.groupsBytes(), 32 * GroupedTileSpec{linear}.stages());
  int64_t ofRows = 2 * problem.rows * (problem.layout.codeBytes() + ofGroups);
  EXPECT_LE(32 * double(finished.counters.globalLoadSectors), 1.1 * double(linear.bytes() + ofRows));
  EXPECT_EQ(finished.counters.sharedWavefronts, finished.counters.sharedIdealWavefronts);
}

TEST_P(GroupedTile, MutationsAreFound) {
  LinearSpec linear = GetParam().spec(32, 1536, false);
  GroupedProblem problem(linear, 20);
  EmittedKernel kernel = kernelOf({linear}), mutated = kernel;
  std::vector<Argument> arguments = argumentsOf(problem, 4 * 32);
  std::vector<char> right = runOnce(kernel, gridOf(problem), arguments, std::nullopt).result;
  auto isFound = [&](const std::string &text) {
    mutated.text = text;
    std::optional<uint64_t> seeds[] = {std::nullopt, 1, 2, 3};
    return llvm::any_of(seeds, [&](std::optional<uint64_t> seed) {
      Finished finished = runOnce(mutated, gridOf(problem), arguments, seed);
      return !finished.error.empty() || finished.result != right;
    });
  };
  ASSERT_FALSE(isFound(kernel.text));
  for (auto [from, to] : {std::pair<std::string, std::string>{"bar.sync", "// bar.sync"},
                          {"cp.async.wait_group \t2", "cp.async.wait_group \t3"}}) {
    int64_t places = 0;
    for (size_t at = kernel.text.find(from); at != std::string::npos; at = kernel.text.find(from, at + 1), ++places)
      EXPECT_TRUE(isFound(std::string(kernel.text).replace(at, from.size(), to))) << from << ", place " << places;
    EXPECT_GE(places, 1) << from;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, GroupedTile, testing::ValuesIn(groupFormats()),
                         [](const auto &info) { return std::string(info.param.name); });
INSTANTIATE_TEST_SUITE_P(Codebooks, GroupedTile, testing::ValuesIn(codebookFormats()),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
