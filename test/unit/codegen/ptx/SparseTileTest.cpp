// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of many rows without zero blocks, on the interpreter: the bits of the dense product, whatever share of the
// blocks is there (none, some, all), odd widths, a bias, both architectures, plain and
// strict. What is not stored is not read; damaged weights lead to no wrong address; mutations are found.
#include "codegen/ptx/linear/LinearChoice.h"
#include "codegen/ptx/linear/LinearTile.h"
#include "test/unit/codegen/ptx/SparseProblem.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::LinearTileSpec;

namespace {

/// The kernel that a model of that architecture gets.
EmittedKernel kernelOf(const LinearSpec &linear, int64_t most, const std::string &chip = "sm_80") {
  return emit(chip, [&](nvptx::KernelLibrary &kernels) { return productTileKernel(kernels, linear, most); });
}
std::array<uint32_t, 3> gridOf(const SparseProblem &problem, int64_t most) {
  auto blocks = [](int64_t count, int64_t ofBlock) { return uint32_t((count + ofBlock - 1) / ofBlock); };
  return {blocks(problem.spec.tiles(), LinearTileSpec::kTiles), blocks(problem.dense.rows, most), 1};
}

void expectRight(const SparseProblem &problem, int64_t most, const std::string &chip = "sm_80") {
  SCOPED_TRACE(std::to_string(problem.spec.outputs) + " x " + std::to_string(problem.spec.inputs) + ", " +
               std::to_string(problem.spec.stored) + " blocks");
  Finished finished =
      run(kernelOf(problem.spec, most, chip), gridOf(problem, most), argumentsOf(problem, problem.packed()));
  ASSERT_EQ(finished.error, "");
  std::vector<float> found = as<float>(finished.result);
  for (int64_t row = 0; row < problem.dense.rows; ++row)
    for (int64_t n = 0; n < problem.spec.outputs; ++n)
      problem.dense.checkExact(row, n, found[size_t(row * problem.spec.outputs + n)]);
}

TEST(SparseTile, HasTheBitsOfTheDenseProduct) {
  expectRight(SparseProblem(16, 32, 65, false, 50), 64);
  expectRight(SparseProblem(130, 96, 100, true, 30), 64);
  expectRight(SparseProblem(140, 43, 1, true, 60), 64);
  expectRight(SparseProblem(33, 1100, 70, false, 50), 64);
  expectRight(SparseProblem(192, 300, 130, true, 40), 64);
  expectRight(SparseProblem(48, 200, 66, true, 50), 64, "sm_90a");
}
TEST(SparseTile, NoBlocksAndAllOfThem) {
  expectRight(SparseProblem(21, 170, 5, true, 0), 64);
  expectRight(SparseProblem(21, 170, 5, true, 100), 64);
}

TEST(SparseTile, ReadsWhatIsStored) {
  SparseProblem problem(256, 2048, 64, false, 30);
  Finished finished =
      runOnce(kernelOf(problem.spec, 64), gridOf(problem, 64), argumentsOf(problem, problem.packed()), std::nullopt);
  ASSERT_EQ(finished.error, "");
  double weights = double(problem.spec.bytes()), rows = 2.0 * double(problem.dense.rows * problem.spec.rowBytes());
  EXPECT_LE(weights, 0.4 * 256 * 2048);
  // Of a slice eight bytes are asked for at a time, by each of its four neighbours in a sector again.
  double slices = 3 * 8.0 * double(problem.spec.tiles() * problem.spec.slices());
  EXPECT_LE(32 * double(finished.counters.globalLoadSectors), 1.1 * (weights + slices + rows));
  EXPECT_EQ(finished.counters.sharedWavefronts, finished.counters.sharedIdealWavefronts);
}

TEST(SparseTile, DamagedWeightsLeadNowhereElse) {
  SparseProblem problem(32, 256, 70, true, 50);
  std::vector<char> damaged = problem.packed();
  std::mt19937 random(1);
  for (int64_t at = problem.spec.slicesOffset(); at < problem.spec.blocksOffset(); ++at)
    damaged[size_t(at)] = char(random());
  Finished finished =
      runOnce(kernelOf(problem.spec, 64), gridOf(problem, 64), argumentsOf(problem, damaged), std::nullopt);
  EXPECT_EQ(finished.error, "");
}

TEST(SparseTile, MutationsAreFound) {
  SparseProblem problem(32, 1152, 64, false, 50); // whole slices: the last one has blocks in both halves
  EmittedKernel kernel = kernelOf(problem.spec, 64), mutated = kernel;
  std::vector<Argument> arguments = argumentsOf(problem, problem.packed());
  std::vector<char> right = runOnce(kernel, gridOf(problem, 64), arguments, std::nullopt).result;
  auto isFound = [&](const std::string &text) {
    mutated.text = text;
    std::optional<uint64_t> seeds[] = {std::nullopt, 1, 2, 3};
    return llvm::any_of(seeds, [&](std::optional<uint64_t> seed) {
      Finished finished = runOnce(mutated, gridOf(problem, 64), arguments, seed);
      return !finished.error.empty() || finished.result != right;
    });
  };
  ASSERT_FALSE(isFound(kernel.text));
  for (size_t at = kernel.text.find("bar.sync"), which = 0; at != std::string::npos;
       at = kernel.text.find("bar.sync", at + 1), ++which)
    EXPECT_TRUE(isFound(std::string(kernel.text).insert(at, "// "))) << "barrier " << which;
  size_t at = kernel.text.rfind("popc.b32");
  ASSERT_NE(at, std::string::npos);
  EXPECT_TRUE(isFound(std::string(kernel.text).replace(at, 8, "mov.b32")));
}

} // namespace
