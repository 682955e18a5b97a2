// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products with weights without their zero blocks, on the interpreter: the bits of the dense product, whatever share of
// the blocks is there (none, some, all), odd widths, numbers of rows from one to more than a block of threads has, a
// bias, both architectures, plain and strict. What is not stored is not read; damaged weights lead to no wrong address;
// mutations are found.
#include "codegen/ptx/linear/LinearDecode.h"
#include "test/unit/codegen/ptx/SparseProblem.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using Problem = SparseProblem;

namespace {

EmittedKernel kernelOf(const LinearSpec &spec, int64_t most, const std::string &chip = "sm_80") {
  return emit(chip, [&](nvptx::KernelLibrary &kernels) { return linearDecodeKernel(kernels, {spec, most}); });
}

std::array<uint32_t, 3> gridOf(const Problem &problem, int64_t most) {
  return {uint32_t(problem.spec.tiles()), uint32_t((problem.dense.rows + most - 1) / most), 1};
}

void expectRight(const Problem &problem, int64_t most, const std::string &chip = "sm_80") {
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

TEST(SparseDecode, HasTheBitsOfTheDenseProduct) {
  expectRight(Problem(16, 32, 1, false, 50), 8);
  expectRight(Problem(48, 96, 8, true, 30), 8);
  expectRight(Problem(17, 43, 3, true, 60), 8);
  expectRight(Problem(33, 1100, 5, false, 50), 8);
  expectRight(Problem(16, 4800, 2, true, 40), 8);
  expectRight(Problem(32, 576, 9, true, 50), 16);
  expectRight(Problem(16, 300, 32, false, 70), 32);
  expectRight(Problem(20, 600, 130, true, 50), 64);
  expectRight(Problem(48, 200, 4, true, 50), 8, "sm_90a");
}
TEST(SparseDecode, NoBlocksAndAllOfThem) {
  Problem none(21, 70, 2, true, 0), all(21, 70, 2, true, 100);
  EXPECT_EQ(none.spec.stored, 0);
  EXPECT_EQ(all.spec.stored, 2 * 18);
  expectRight(none, 8);
  expectRight(all, 8);
}

TEST(SparseDecode, ReadsWhatIsStored) {
  Problem problem(64, 2048, 1, false, 50);
  Finished finished =
      runOnce(kernelOf(problem.spec, 8), gridOf(problem, 8), argumentsOf(problem, problem.packed()), std::nullopt);
  ASSERT_EQ(finished.error, "");
  double bytes = double(problem.spec.bytes() + problem.spec.tiles() * problem.spec.rowBytes());
  EXPECT_LE(bytes, 0.6 * 64 * 2048);
  EXPECT_LE(32 * double(finished.counters.globalLoadSectors), 1.1 * bytes);
  EXPECT_EQ(finished.counters.sharedWavefronts, finished.counters.sharedIdealWavefronts);
}

TEST(SparseDecode, DamagedWeightsLeadNowhereElse) {
  Problem problem(32, 256, 3, true, 50);
  std::vector<char> damaged = problem.packed();
  std::mt19937 random(1);
  for (int64_t at = problem.spec.slicesOffset(); at < problem.spec.blocksOffset(); ++at)
    damaged[size_t(at)] = char(random());
  Finished finished =
      runOnce(kernelOf(problem.spec, 8), gridOf(problem, 8), argumentsOf(problem, damaged), std::nullopt);
  EXPECT_EQ(finished.error, "");
}

TEST(SparseDecode, MutationsAreFound) {
  Problem problem(16, 4800, 3, true, 50);
  EmittedKernel kernel = kernelOf(problem.spec, 8), mutated = kernel;
  std::vector<Argument> arguments = argumentsOf(problem, problem.packed());
  std::vector<char> right = runOnce(kernel, gridOf(problem, 8), arguments, std::nullopt).result;
  auto isFound = [&](const std::string &text) {
    mutated.text = text;
    std::optional<uint64_t> seeds[] = {std::nullopt, 1, 2, 3};
    return llvm::any_of(seeds, [&](std::optional<uint64_t> seed) {
      Finished finished = runOnce(mutated, gridOf(problem, 8), arguments, seed);
      return !finished.error.empty() || finished.result != right;
    });
  };
  ASSERT_FALSE(isFound(kernel.text));
  size_t first = kernel.text.find("bar.sync"), which = 1; // before the first piece nobody is behind
  for (size_t at = kernel.text.find("bar.sync", first + 1); at != std::string::npos;
       at = kernel.text.find("bar.sync", at + 1), ++which)
    EXPECT_TRUE(isFound(std::string(kernel.text).insert(at, "// "))) << "barrier " << which;
  for (std::string what : {"popc.b32", "cp.async.wait_group"}) {
    size_t at = kernel.text.rfind(what);
    ASSERT_NE(at, std::string::npos) << what;
    EXPECT_TRUE(isFound(std::string(kernel.text).replace(at, what.size(), what == "popc.b32" ? "mov.b32" : "// ")))
        << what;
  }
}

} // namespace
