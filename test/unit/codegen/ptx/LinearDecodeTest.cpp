// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of few rows on the interpreter: codes bit for bit as plain loops with the epilogue of the CPU's kernels have
// them, floats within the rounding of their sums; odd widths, numbers of rows from one to the most, a bias, both
// architectures, plain and strict. What a load costs: sectors of memory for each byte of weights, conflicts of banks.
#include "codegen/ptx/linear/LinearDecode.h"
#include "test/unit/codegen/ptx/KernelRun.h"
#include "test/unit/codegen/ptx/LinearTileRun.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::LinearDecodeSpec;
using nvptx::WeightFormat;

namespace {

/// `stride`: bytes from one row of results to the next.
Finished runOf(const EmittedKernel &kernel, const LinearDecodeSpec &spec, const LinearProblem &problem, bool strict,
               int64_t stride) {
  std::vector<Argument> arguments = argumentsOf(problem, stride);
  std::array<uint32_t, 3> grid = kerneltest::gridOf(problem, LinearSpec::kTile, spec.rows);
  return strict ? run(kernel, grid, arguments) : runPlain(kernel, grid, arguments);
}
/// Packed.
Finished runOf(const EmittedKernel &kernel, const LinearDecodeSpec &spec, const LinearProblem &problem, bool strict) {
  return runOf(kernel, spec, problem, strict, 4 * problem.spec.outputs);
}

void expectRight(const LinearDecodeSpec &spec, int64_t rows, const std::string &chip) {
  SCOPED_TRACE(std::to_string(spec.linear.outputs) + " x " + std::to_string(spec.linear.inputs) + ", " +
               std::to_string(rows) + " rows, " + chip);
  EmittedKernel kernel = emit(chip, [&](nvptx::KernelLibrary &kernels) { return linearDecodeKernel(kernels, spec); });
  LinearProblem problem(spec.linear, rows);
  Finished run = runOf(kernel, spec, problem, /*strict=*/true);
  ASSERT_EQ(run.error, "");
  std::vector<float> found = as<float>(run.result);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t n = 0; n < spec.linear.outputs; ++n)
      problem.check(row, n, found[size_t(row * spec.linear.outputs + n)]);
}

class LinearDecode : public testing::TestWithParam<WeightFormat> {};

TEST_P(LinearDecode, IsRightForAllShapes) {
  struct Shape {
    int64_t outputs, inputs, most, rows;
    bool bias;
  };
  for (Shape shape : {Shape{16, 32, 8, 1, false},
                      {48, 96, 8, 8, true},
                      {17, 40, 8, 3, true},
                      {33, 1100, 8, 5, false},
                      {32, 576, 16, 9, true},
                      {16, 300, 32, 32, false},
                      {20, 600, 64, 50, true}}) {
    bool isFloat = GetParam() == WeightFormat::F32;
    expectRight({{shape.outputs, shape.inputs, GetParam(), shape.bias}, isFloat ? 8 : shape.most}, shape.rows, "sm_80");
  }
  expectRight({{48, 200, GetParam(), true}, 8}, 4, "sm_90a");
}

// What script/gpu-check measures beside the usual number.
TEST_P(LinearDecode, IsRightWithMoreOrLessAhead) {
  for (int64_t together : {2, 8}) {
    LinearDecodeSpec spec = {{33, 1100, GetParam(), true}, 8};
    spec.together = together;
    expectRight(spec, 5, "sm_80");
  }
}

TEST_P(LinearDecode, OneLaunchServesManyRows) {
  int64_t most = GetParam() == WeightFormat::F32 ? 8 : 64;
  expectRight({{17, 72, GetParam(), true}, most}, 65, "sm_80");
  expectRight({{48, 40, GetParam(), false}, most}, 130, "sm_80");
  expectRight({{20, 64, GetParam(), false}, 8}, 21, "sm_80");
}

// Rows of floats are padded with zeros, whatever lies there; between the rows of wider ones nothing is touched.
TEST_P(LinearDecode, WritesPaddingOfRowsOfFloatsOnly) {
  for (int64_t outputs : {5, 13, 27, 40})
    for (int64_t stride : {nvptx::rowBytes(outputs, 4), int64_t(512)}) {
      LinearDecodeSpec spec = {{outputs, 40, GetParam(), true}, 8};
      EmittedKernel kernel =
          emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return linearDecodeKernel(kernels, spec); });
      LinearProblem problem(spec.linear, 3);
      Finished run = runOf(kernel, spec, problem, true, stride);
      ASSERT_EQ(run.error, "");
      std::vector<float> found = as<float>(run.result);
      for (int64_t row = 0; row < problem.rows; ++row)
        for (int64_t n = 0; n < stride / 4 && row * stride / 4 + n < int64_t(found.size()); ++n) {
          float number = found[size_t(row * stride / 4 + n)];
          if (n < outputs)
            problem.check(row, n, number);
          else
            EXPECT_EQ(number == 0, stride != 512) << row << ", " << n;
        }
    }
}

TEST_P(LinearDecode, ARowDoesNotDependOnThoseBesideIt) {
  LinearDecodeSpec spec = {{32, 320, GetParam(), true}, 8};
  EmittedKernel kernel =
      emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return linearDecodeKernel(kernels, spec); });
  LinearProblem all(spec.linear, 6), one = all;
  one.rows = 1;
  one.x.resize(size_t(spec.linear.rowBytes()));
  one.rowScales.resize(1), one.zeros.resize(1);
  std::vector<char> whole = runOf(kernel, spec, all, false).result, first = runOf(kernel, spec, one, false).result;
  whole.resize(first.size());
  EXPECT_EQ(whole, first);
}

// Weights are read once, in whole requests of a warp; rows of eight lie in eight different sets of banks.
TEST_P(LinearDecode, ReadsWhatItMust) {
  LinearDecodeSpec spec = {{64, 2048, GetParam(), false}, 8};
  EmittedKernel kernel =
      emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return linearDecodeKernel(kernels, spec); });
  LinearProblem problem(spec.linear, 1);
  Finished run = runOf(kernel, spec, problem, false);
  ASSERT_EQ(run.error, "");
  double bytes = double(spec.linear.bytes() + spec.linear.tiles() * spec.linear.rowBytes());
  EXPECT_LE(32 * double(run.counters.globalLoadSectors), 1.1 * bytes);
  EXPECT_EQ(run.counters.sharedWavefronts, run.counters.sharedIdealWavefronts);
}

INSTANTIATE_TEST_SUITE_P(
    Formats, LinearDecode, testing::Values(WeightFormat::F32, WeightFormat::Bf16, WeightFormat::S8Rows),
    [](const auto &info) {
      return std::string(info.param == WeightFormat::F32 ? "F32" : info.param == WeightFormat::Bf16 ? "Bf16" : "S8");
    });

} // namespace
