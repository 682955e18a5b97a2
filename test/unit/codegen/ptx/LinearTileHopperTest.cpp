// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of many rows by wgmma on the interpreter: right for odd widths and numbers of rows, with a bias, packed and
// padded; codes bit for bit as the tiles of mma.sync give them; what a load costs; mutations of barriers, waits,
// swizzle, signs and transposition are found. Plain and strict.
#include "codegen/ptx/linear/LinearTileHopper.h"
#include "test/unit/codegen/ptx/LinearTileRun.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::LinearTileSpec;

namespace {

EmittedKernel kernelOf(const LinearTileSpec &spec) {
  return emit("sm_90a", [&](nvptx::KernelLibrary &kernels) { return linearTileHopperKernel(kernels, spec); });
}

void expectRight(const LinearTileSpec &spec, int64_t rows, int64_t stride) {
  SCOPED_TRACE("by " + std::to_string(spec.rows));
  LinearProblem problem(spec.linear, rows);
  kerneltest::expectRight(kernelOf(spec), gridOf(spec, problem), problem, stride);
}

class LinearTileHopper : public testing::TestWithParam<WeightFormat> {};

// Inputs of one slice, of one stage, of as many as the ring has and one more, of three turns of it.
TEST_P(LinearTileHopper, IsRightForAllShapes) {
  struct Shape {
    int64_t outputs, inputs, rows, most;
    bool bias;
  };
  for (Shape shape : {Shape{16, 16, 65, 64, false},
                      {128, 64, 64, 64, true},
                      {130, 72, 100, 128, true},
                      {140, 136, 1, 64, false},
                      {32, 320, 70, 64, true},
                      {192, 768, 200, 128, true},
                      {20, 1100, 66, 64, false}})
    expectRight({{shape.outputs, shape.inputs, GetParam(), shape.bias}, shape.most}, shape.rows, 4 * shape.outputs);
}

// What script/gpu-check measures beside the usual ring.
TEST_P(LinearTileHopper, IsRightWithALargerRing) {
  for (int64_t inputs : {72, 1100})
    expectRight({{130, inputs, GetParam(), true}, 64, /*ring=*/8}, 66, 4 * 130);
}

TEST_P(LinearTileHopper, IsRightAtTheSizeOfAModel) {
  LinearTileSpec spec{{576, 576, GetParam(), false}, 128};
  LinearProblem problem(spec.linear, 130);
  Finished finished = once(kernelOf(spec), spec, problem);
  ASSERT_EQ(finished.error, "");
  expectResults(problem, 4 * 576, finished.result);
}

// Rows of floats are padded with zeros, whatever lies there; between wider ones nothing is touched.
TEST_P(LinearTileHopper, WritesPaddingOfRowsOfFloatsOnly) {
  for (int64_t outputs : {5, 141})
    for (int64_t stride : {nvptx::rowBytes(outputs, 4), int64_t(1024)})
      expectRight({{outputs, 40, GetParam(), true}}, 67, stride);
}

// Neither on their number nor on the tile; of codes not on the architecture.
TEST_P(LinearTileHopper, ARowDoesNotDependOnThoseBesideIt) {
  LinearTileSpec spec{{144, 360, GetParam(), true}}, large{spec.linear, 128};
  LinearProblem all(spec.linear, 131), one = all;
  one.rows = 1;
  one.x.resize(size_t(spec.linear.rowBytes()));
  one.rowScales.resize(1), one.zeros.resize(1);
  std::vector<char> whole = once(kernelOf(spec), spec, all).result, first = once(kernelOf(spec), spec, one).result;
  EXPECT_EQ(std::vector<char>(whole.begin(), whole.begin() + int64_t(first.size())), first);
  EXPECT_EQ(once(kernelOf(large), large, all).result, whole);
  EmittedKernel other = emit("sm_80", [&](auto &kernels) { return linearTileKernel(kernels, spec); });
  if (spec.linear.isInteger())
    EXPECT_EQ(once(other, spec, all).result, whole);
}

// Weights are read once for each block of rows, rows once for each block of outputs; shared memory without conflicts.
TEST_P(LinearTileHopper, ReadsWhatItMust) {
  for (int64_t rows : {64, 128}) {
    LinearTileSpec spec{{256, 1024, GetParam(), false}, rows};
    LinearProblem problem(spec.linear, rows);
    Finished finished = once(kernelOf(spec), spec, problem);
    ASSERT_EQ(finished.error, "");
    double bytes = double(spec.linear.bytes() + 2 * problem.rows * spec.linear.rowBytes());
    EXPECT_LE(32 * double(finished.counters.globalLoadSectors), 1.1 * bytes);
    EXPECT_EQ(finished.counters.sharedWavefronts, finished.counters.sharedIdealWavefronts);
  }
}

//===--- Mutations ---===//

struct Mutation {
  const char *what, *from, *to;
  int64_t harmless = -1; ///< the place where it changes nothing
};

/// Each place in turn.
class Mutated {
public:
  explicit Mutated(const LinearTileSpec &spec) : spec(spec), problem(spec.linear, 70), kernel(kernelOf(spec)) {
    right = once(kernel, spec, problem).result;
  }

  void expectFound(const Mutation &mutation) {
    int64_t places = 0;
    const std::string from = mutation.from;
    for (size_t at = kernel.text.find(from); at != std::string::npos; at = kernel.text.find(from, at + 1), ++places)
      EXPECT_EQ(isFound(std::string(kernel.text).replace(at, from.size(), mutation.to)), places != mutation.harmless)
          << mutation.what << ", place " << places;
    EXPECT_GE(places, 1) << mutation.what;
  }
  /// A wait is a loop of inline PTX: what remains of it is the jump out of it.
  void expectWaitsFound() {
    int64_t places = 0;
    for (size_t at = kernel.text.find("mbarrier.try_wait"); at != std::string::npos;
         at = kernel.text.find("mbarrier.try_wait", at + 1), ++places) {
      size_t jump = kernel.text.find("bra.uni", at);
      EXPECT_TRUE(isFound(std::string(kernel.text).erase(at, jump - at))) << "mbarrier, place " << places;
    }
    EXPECT_EQ(places, 4) << "empty; full: of the first stage, of those in the loop, of the last";
  }
  bool isFound(const std::string &text) {
    EmittedKernel mutated = kernel;
    mutated.text = text;
    std::optional<uint64_t> seeds[] = {std::nullopt, 1, 2, 3};
    return llvm::any_of(seeds, [&](std::optional<uint64_t> seed) {
      Finished finished = once(mutated, spec, problem, seed);
      return !finished.error.empty() || finished.result != right;
    });
  }
  const std::string &text() const { return kernel.text; }

private:
  LinearTileSpec spec;
  LinearProblem problem;
  EmittedKernel kernel;
  std::vector<char> right;
};

TEST_P(LinearTileHopper, MutationsAreFound) {
  bool isInteger = GetParam() == WeightFormat::S8Rows;
  LinearTileSpec spec{{32, isInteger ? 1100 : 550, GetParam(), false}};
  Mutated mutated(spec);
  ASSERT_FALSE(mutated.isFound(mutated.text()));
  for (Mutation mutation : {Mutation{"barrier of the block", "bar.sync", "// bar.sync"},
                            {"nobody tells", "mbarrier.arrive.shared", "// mbarrier.arrive.shared"},
                            {"rows not published", "fence.proxy.async", "// fence.proxy.async"},
                            {"rows told of too early", "cp.async.wait_group \t2", "cp.async.wait_group \t3"},
                            {"rows told of too early, at the end", "cp.async.wait_group \t0", "// cp.async.wait_group"},
                            {"chunks of rows not swizzled", "xor.b32", "or.b32"},
                            {"another swizzle", "4611686293305294848", "-9223371761976868864"},
                            {"registers not published", "wgmma.fence", "// wgmma.fence"},
                            // The last stage but one is not filled again, and the next products follow in order.
                            {"products not waited for", "wgmma.wait_group", "// wgmma.wait_group", 1}})
    mutated.expectFound(mutation);
  mutated.expectWaitsFound();
  if (isInteger)
    mutated.expectFound({"sign of rows", ".s32.s8.u8", ".s32.s8.s8"});
  else
    mutated.expectFound({"rows transposed", ", 1, 1, 1, 0;", ", 1, 1, 1, 1;"});
}

INSTANTIATE_TEST_SUITE_P(Formats, LinearTileHopper, testing::Values(WeightFormat::Bf16, WeightFormat::S8Rows),
                         [](const auto &info) {
                           return std::string(info.param == WeightFormat::Bf16 ? "Bf16" : "S8");
                         });

} // namespace
