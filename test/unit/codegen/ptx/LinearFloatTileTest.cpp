// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of many rows in f32 on the interpreter: right for odd widths and numbers of rows, with a bias, packed and
// padded; a row depends on nobody beside it; what a load costs; mutations are found. Plain and strict.
#include "codegen/ptx/linear/LinearFloatTile.h"
#include "test/unit/codegen/ptx/LinearTileRun.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::LinearFloatTileSpec;

namespace {

EmittedKernel kernelOf(const LinearSpec &linear, const std::string &chip = "sm_80") {
  return emit(chip, [&](nvptx::KernelLibrary &kernels) { return linearFloatTileKernel(kernels, {linear}); });
}
std::array<uint32_t, 3> gridOf(const LinearProblem &problem) {
  return kerneltest::gridOf(problem, LinearFloatTileSpec::kTiles * LinearSpec::kTile, LinearFloatTileSpec::kRows);
}
Finished once(const EmittedKernel &kernel, const LinearProblem &problem, std::optional<uint64_t> seed = std::nullopt) {
  return runOnce(kernel, gridOf(problem), argumentsOf(problem, 4 * problem.spec.outputs), seed);
}

void expectRight(const LinearSpec &linear, int64_t rows, int64_t stride, const std::string &chip = "sm_80") {
  SCOPED_TRACE(chip);
  LinearProblem problem(linear, rows);
  kerneltest::expectRight(kernelOf(linear, chip), gridOf(problem), problem, stride);
}

TEST(LinearFloatTile, IsRightForAllShapes) {
  struct Shape {
    int64_t outputs, inputs, rows;
    bool bias;
  };
  for (Shape shape : {Shape{16, 4, 65, false},
                      {128, 32, 64, true},
                      {130, 72, 100, true},
                      {140, 65, 1, false},
                      {32, 300, 70, true},
                      {192, 128, 130, true}})
    expectRight({shape.outputs, shape.inputs, WeightFormat::F32, shape.bias}, shape.rows, 4 * shape.outputs);
  expectRight({48, 200, WeightFormat::F32, true}, 66, 4 * 48, "sm_90a");
}

// Rows of floats are padded with zeros, whatever lies there; between wider ones nothing is touched.
TEST(LinearFloatTile, WritesPaddingOfRowsOfFloatsOnly) {
  for (int64_t outputs : {5, 141})
    for (int64_t stride : {nvptx::rowBytes(outputs, 4), int64_t(1024)})
      expectRight({outputs, 40, WeightFormat::F32, true}, 67, stride);
}

TEST(LinearFloatTile, ARowDoesNotDependOnThoseBesideIt) {
  LinearSpec linear{144, 360, WeightFormat::F32, true};
  LinearProblem all(linear, 131), one = all;
  one.rows = 1;
  one.x.resize(size_t(linear.rowBytes()));
  EmittedKernel kernel = kernelOf(linear);
  std::vector<char> whole = once(kernel, all).result, first = once(kernel, one).result;
  EXPECT_EQ(std::vector<char>(whole.begin(), whole.begin() + int64_t(first.size())), first);
}

// Weights once for 64 rows, rows once for 128 outputs.
TEST(LinearFloatTile, ReadsWhatItMust) {
  LinearSpec linear{256, 512, WeightFormat::F32, false};
  LinearProblem problem(linear, 64);
  Finished finished = once(kernelOf(linear), problem);
  ASSERT_EQ(finished.error, "");
  double bytes = double(linear.bytes() + 2 * problem.rows * linear.rowBytes());
  EXPECT_LE(32 * double(finished.counters.globalLoadSectors), 1.1 * bytes);
  EXPECT_EQ(finished.counters.sharedWavefronts, finished.counters.sharedIdealWavefronts);
}

TEST(LinearFloatTile, MutationsAreFound) {
  LinearSpec linear{32, 200, WeightFormat::F32, false};
  LinearProblem problem(linear, 64);
  EmittedKernel kernel = kernelOf(linear), mutated = kernel;
  std::vector<char> right = once(kernel, problem).result;
  auto isFound = [&](const std::string &text) {
    mutated.text = text;
    std::optional<uint64_t> seeds[] = {std::nullopt, 1, 2, 3};
    return llvm::any_of(seeds, [&](std::optional<uint64_t> seed) {
      Finished finished = once(mutated, problem, seed);
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
