// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of many rows with weights that are numbers of 256 f32 entries, on the interpreter: within the rounding of
// their sums for odd widths and numbers of rows, with a bias and padding, both architectures; weights are read once for
// 64 rows; mutations are found. Plain and strict. (Codebooks of integers: GroupedTileTest.cpp.)
#include "codegen/ptx/linear/LinearFloatTile.h"
#include "test/unit/codegen/ptx/CodebookProblem.h"
#include "test/unit/codegen/ptx/KernelRun.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::LinearFloatTileSpec;

namespace {

EmittedKernel kernelOf(const LinearSpec &linear, const std::string &chip = "sm_80") {
  return emit(chip, [&](nvptx::KernelLibrary &kernels) { return linearFloatTileKernel(kernels, {linear}); });
}
std::vector<Argument> argumentsOf(const CodebookProblem &problem, int64_t stride) {
  return {memory(problem.packed()), memory(problem.x), result(size_t(problem.rows * stride)), number(stride),
          number(problem.rows)};
}
std::array<uint32_t, 3> gridOf(const CodebookProblem &problem) {
  auto blocks = [](int64_t count, int64_t ofBlock) { return uint32_t((count + ofBlock - 1) / ofBlock); };
  return {blocks(problem.spec.tiles(), LinearFloatTileSpec::kTiles), blocks(problem.rows, LinearFloatTileSpec::kRows),
          1};
}

void expectRight(const CodebookProblem &problem, int64_t stride, const std::string &chip = "sm_80") {
  Finished finished = run(kernelOf(problem.spec, chip), gridOf(problem), argumentsOf(problem, stride));
  ASSERT_EQ(finished.error, "");
  std::vector<float> found = as<float>(finished.result);
  for (int64_t row = 0; row < problem.rows; ++row)
    for (int64_t n = 0; n < stride / 4; ++n)
      if (float one = found[size_t(row * stride / 4 + n)]; n < problem.spec.outputs)
        problem.check(row, n, one);
      else
        ASSERT_EQ(one, 0);
}

TEST(CodebookTile, IsRightForAllShapes) {
  expectRight(CodebookProblem(16, 4, 65, false), 4 * 16);
  expectRight(CodebookProblem(128, 32, 64, true), 4 * 128);
  expectRight(CodebookProblem(130, 72, 100, true), 4 * 130);
  expectRight(CodebookProblem(141, 65, 1, false), nvptx::rowBytes(141, 4));
  expectRight(CodebookProblem(32, 300, 70, true), 4 * 32);
  expectRight(CodebookProblem(192, 128, 130, true), 4 * 192);
  expectRight(CodebookProblem(48, 200, 66, true), 4 * 48, "sm_90a");
}

// Weights once for 64 rows, rows and entries once for 128 outputs; numbers that are the same meet in no bank.
TEST(CodebookTile, ReadsWhatItMust) {
  CodebookProblem problem(256, 1024, 64, false);
  std::fill(problem.codes.begin(), problem.codes.end(), 7);
  Finished finished = runOnce(kernelOf(problem.spec), gridOf(problem), argumentsOf(problem, 4 * 256), std::nullopt);
  ASSERT_EQ(finished.error, "");
  double bytes = double(problem.spec.bytes() + 2 * (problem.rows * problem.spec.rowBytes() + 1024));
  EXPECT_LE(32 * double(finished.counters.globalLoadSectors), 1.1 * bytes);
  EXPECT_EQ(finished.counters.sharedWavefronts, finished.counters.sharedIdealWavefronts);
}

TEST(CodebookTile, MutationsAreFound) {
  CodebookProblem problem(32, 200, 64, false);
  EmittedKernel kernel = kernelOf(problem.spec), mutated = kernel;
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
  for (const char *word : {"bar.sync", "cp.async.wait_group"}) {
    int64_t places = 0;
    for (size_t at = kernel.text.find(word); at != std::string::npos; at = kernel.text.find(word, at + 1), ++places)
      EXPECT_TRUE(isFound(std::string(kernel.text).insert(at, "// "))) << word << ", place " << places;
    EXPECT_GE(places, 1) << word;
  }
}

} // namespace
