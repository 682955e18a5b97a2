// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of many rows on the interpreter: right for odd widths and numbers of rows, with a bias, packed and padded;
// codes bit for bit as products of few rows give them; what a load costs; mutations are found. Plain and strict.
#include "codegen/ptx/linear/LinearTile.h"
#include "codegen/ptx/linear/LinearDecode.h"
#include "test/unit/codegen/ptx/LinearTileRun.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::LinearTileSpec;

namespace {

EmittedKernel kernelOf(const LinearTileSpec &spec, const std::string &chip = "sm_80") {
  return emit(chip, [&](nvptx::KernelLibrary &kernels) { return linearTileKernel(kernels, spec); });
}

void expectRight(const LinearTileSpec &spec, int64_t rows, int64_t stride, const std::string &chip = "sm_80") {
  SCOPED_TRACE("by " + std::to_string(spec.rows) + ", " + chip);
  LinearProblem problem(spec.linear, rows);
  kerneltest::expectRight(kernelOf(spec, chip), gridOf(spec, problem), problem, stride);
}

class LinearTile : public testing::TestWithParam<WeightFormat> {};

TEST_P(LinearTile, IsRightForAllShapes) {
  struct Shape {
    int64_t outputs, inputs, rows, most;
    bool bias;
  };
  for (Shape shape : {Shape{16, 16, 65, 64, false},
                      {128, 64, 64, 64, true},
                      {130, 72, 100, 64, true},
                      {130, 72, 100, 128, false},
                      {140, 136, 1, 64, false},
                      {32, 1100, 70, 64, true},
                      {192, 1536, 200, 128, true}})
    expectRight({{shape.outputs, shape.inputs, GetParam(), shape.bias}, shape.most}, shape.rows, 4 * shape.outputs);
  expectRight({{48, 200, GetParam(), true}, 64}, 66, 4 * 48, "sm_90a");
}

// What script/gpu-check measures beside the usual ring.
TEST_P(LinearTile, IsRightWithALargerRing) {
  for (int64_t inputs : {72, 1100})
    expectRight({{130, inputs, GetParam(), true}, 64, /*ring=*/8}, 66, 4 * 130);
}

TEST_P(LinearTile, IsRightAtTheSizeOfAModel) {
  LinearTileSpec spec{{576, 576, GetParam(), false}};
  LinearProblem problem(spec.linear, 130);
  Finished finished = once(kernelOf(spec), spec, problem);
  ASSERT_EQ(finished.error, "");
  std::vector<float> found = as<float>(finished.result);
  for (int64_t i = 0; i < problem.rows * 576; ++i)
    problem.check(i / 576, i % 576, found[size_t(i)]);
}

// Rows of floats are padded with zeros, whatever lies there; between wider ones nothing is touched.
TEST_P(LinearTile, WritesPaddingOfRowsOfFloatsOnly) {
  for (int64_t outputs : {5, 141})
    for (int64_t stride : {nvptx::rowBytes(outputs, 4), int64_t(1024)})
      expectRight({{outputs, 40, GetParam(), true}}, 67, stride);
}

// Neither on their number nor on the tile; of codes no kernel matters.
TEST_P(LinearTile, ARowDoesNotDependOnThoseBesideIt) {
  LinearTileSpec spec{{144, 360, GetParam(), true}};
  LinearProblem all(spec.linear, 131), one = all;
  one.rows = 1;
  one.x.resize(size_t(spec.linear.rowBytes()));
  one.rowScales.resize(1), one.zeros.resize(1);
  std::vector<char> whole = once(kernelOf(spec), spec, all).result, first = once(kernelOf(spec), spec, one).result;
  EXPECT_EQ(std::vector<char>(whole.begin(), whole.begin() + int64_t(first.size())), first);
  LinearTileSpec large{spec.linear, 128};
  EXPECT_EQ(once(kernelOf(large), large, all).result, whole);
  if (!spec.linear.isInteger())
    return;
  EmittedKernel decode = emit("sm_80", [&](auto &kernels) { return linearDecodeKernel(kernels, {spec.linear, 64}); });
  std::array<uint32_t, 3> grid = {uint32_t(spec.linear.tiles()), blocks(all.rows, 64), 1};
  EXPECT_EQ(runOnce(decode, grid, argumentsOf(all, 4 * spec.linear.outputs), std::nullopt).result, whole);
}

// Weights are read once for each block of rows, rows once for each block of outputs; shared memory without conflicts.
TEST_P(LinearTile, ReadsWhatItMust) {
  LinearTileSpec spec{{256, 1024, GetParam(), false}};
  LinearProblem problem(spec.linear, 64);
  Finished finished = once(kernelOf(spec), spec, problem);
  ASSERT_EQ(finished.error, "");
  double bytes = double(spec.linear.bytes() + 2 * problem.rows * spec.linear.rowBytes());
  EXPECT_LE(32 * double(finished.counters.globalLoadSectors), 1.1 * bytes);
  EXPECT_EQ(finished.counters.sharedWavefronts, finished.counters.sharedIdealWavefronts);
}

TEST_P(LinearTile, MutationsAreFound) {
  LinearTileSpec spec{{32, 1100, GetParam(), false}};
  LinearProblem problem(spec.linear, 64);
  EmittedKernel kernel = kernelOf(spec), mutated = kernel;
  std::vector<char> right = once(kernel, spec, problem).result;
  auto isFound = [&](const std::string &text) {
    mutated.text = text;
    std::optional<uint64_t> seeds[] = {std::nullopt, 1, 2, 3};
    return llvm::any_of(seeds, [&](std::optional<uint64_t> seed) {
      Finished finished = once(mutated, spec, problem, seed);
      return !finished.error.empty() || finished.result != right;
    });
  };
  ASSERT_FALSE(isFound(kernel.text));
  for (size_t at = kernel.text.find("bar.sync"), which = 0; at != std::string::npos;
       at = kernel.text.find("bar.sync", at + 1), ++which)
    EXPECT_TRUE(isFound(std::string(kernel.text).insert(at, "// "))) << "barrier " << which;
  const std::string wait = "cp.async.wait_group \t2";
  int64_t waits = 0;
  for (size_t at = kernel.text.find(wait); at != std::string::npos; at = kernel.text.find(wait, at + 1), ++waits)
    EXPECT_TRUE(isFound(std::string(kernel.text).replace(at + wait.size() - 1, 1, "3"))) << "wait " << waits;
  EXPECT_GE(waits, 1);
}

INSTANTIATE_TEST_SUITE_P(Formats, LinearTile, testing::Values(WeightFormat::Bf16, WeightFormat::S8Rows),
                         [](const auto &info) {
                           return std::string(info.param == WeightFormat::Bf16 ? "Bf16" : "S8");
                         });

} // namespace
