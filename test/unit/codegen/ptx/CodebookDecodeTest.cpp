// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products with weights that are numbers of 256 f32 entries, on the interpreter: within the rounding of their sums, odd
// widths, numbers of rows from one to more than a block has, a bias, both architectures, plain and strict; a row does
// not depend on those beside it; what a load costs. (Codebooks of integers: GroupedDecodeTest.cpp.)
#include "codegen/ptx/linear/CodebookDecode.h"
#include "codegen/ptx/linear/LinearDecode.h"
#include "test/unit/codegen/ptx/CodebookProblem.h"
#include "test/unit/codegen/ptx/KernelRun.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using Problem = CodebookProblem;

namespace {

EmittedKernel kernelOf(const LinearSpec &spec, const std::string &chip = "sm_80") {
  return emit(chip, [&](nvptx::KernelLibrary &kernels) { return linearDecodeKernel(kernels, {spec}); });
}

Finished runOf(const EmittedKernel &kernel, const Problem &problem, int64_t stride, bool strict) {
  std::vector<Argument> arguments = {memory(problem.packed()), memory(problem.x), result(size_t(problem.rows * stride)),
                                     number(stride), number(problem.rows)};
  std::array<uint32_t, 3> grid = {uint32_t(problem.spec.tiles()), uint32_t((problem.rows + 7) / 8), 1};
  return strict ? run(kernel, grid, arguments) : runOnce(kernel, grid, arguments, std::nullopt);
}

void expectRight(const Problem &problem, int64_t stride, const std::string &chip = "sm_80") {
  Finished run = runOf(kernelOf(problem.spec, chip), problem, stride, /*strict=*/true);
  ASSERT_EQ(run.error, "");
  std::vector<float> found = as<float>(run.result);
  for (int64_t row = 0; row < problem.rows; ++row)
    for (int64_t n = 0; n < stride / 4; ++n)
      if (float one = found[size_t(row * stride / 4 + n)]; n < problem.spec.outputs)
        problem.check(row, n, one);
      else
        ASSERT_EQ(one, 0);
}

TEST(CodebookDecode, IsRightForAllShapes) {
  expectRight(Problem(16, 32, 1, false), 4 * 16);
  expectRight(Problem(48, 96, 8, true), 4 * 48);
  expectRight(Problem(17, 40, 3, true), nvptx::rowBytes(17, 4));
  expectRight(Problem(5, 13, 9, false), 4 * 5);
  expectRight(Problem(33, 1100, 5, false), 4 * 33);
  expectRight(Problem(20, 2100, 21, true), 4 * 20);
  expectRight(Problem(48, 200, 4, true), 4 * 48, "sm_90a");
}

TEST(CodebookDecode, ARowDoesNotDependOnThoseBesideIt) {
  Problem all(32, 320, 6, true), one = all;
  one.rows = 1, one.x.resize(320);
  EmittedKernel kernel = kernelOf(all.spec);
  std::vector<char> whole = runOf(kernel, all, 128, false).result, first = runOf(kernel, one, 128, false).result;
  ASSERT_EQ(first.size(), 128U);
  whole.resize(first.size());
  EXPECT_EQ(whole, first);
}

// Weights are read once, and entries for each block; where numbers are the same, look-ups do not meet in a bank.
TEST(CodebookDecode, ReadsWhatItMust) {
  Problem problem(64, 2048, 1, false);
  std::fill(problem.codes.begin(), problem.codes.end(), 7);
  Finished run = runOf(kernelOf(problem.spec), problem, 4 * 64, false);
  ASSERT_EQ(run.error, "");
  double bytes = double(problem.spec.bytes() + problem.spec.tiles() * (problem.spec.rowBytes() + 1024));
  EXPECT_LE(32 * double(run.counters.globalLoadSectors), 1.1 * bytes);
  EXPECT_EQ(run.counters.sharedWavefronts, run.counters.sharedIdealWavefronts);
}

TEST(CodebookDecode, MutationsAreFound) {
  Problem problem(16, 1100, 3, true);
  EmittedKernel kernel = kernelOf(problem.spec), mutated = kernel;
  std::vector<char> right = runOf(kernel, problem, 4 * 16, false).result;
  auto isFound = [&](const std::string &text) {
    mutated.text = text;
    std::optional<uint64_t> seeds[] = {std::nullopt, 1, 2, 3};
    return llvm::any_of(seeds, [&](std::optional<uint64_t> seed) {
      Finished finished =
          runOnce(mutated, {1, 1, 1},
                  {memory(problem.packed()), memory(problem.x), result(3 * 64), number(64), number(3)}, seed);
      return !finished.error.empty() || finished.result != right;
    });
  };
  ASSERT_FALSE(isFound(kernel.text));
  // The first barrier of the first piece has nobody behind it.
  size_t first = kernel.text.find("bar.sync"), which = 1;
  for (size_t at = kernel.text.find("bar.sync", first + 1); at != std::string::npos;
       at = kernel.text.find("bar.sync", at + 1), ++which)
    EXPECT_TRUE(isFound(std::string(kernel.text).insert(at, "// "))) << "barrier " << which;
  std::string wait = "cp.async.wait_group";
  size_t at = kernel.text.find(wait);
  ASSERT_NE(at, std::string::npos);
  EXPECT_TRUE(isFound(std::string(kernel.text).insert(at, "// ")));
}

} // namespace
