// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products with weights in groups on the interpreter, bit for bit as codegen/cpu/linear/GroupedKernels.cpp computes
// them: exact sums of each group, added in the order of groups by fused operations. All formats, widths within a piece
// and beyond, a bias, both architectures, plain and strict; conflicts of banks.
#include "codegen/ptx/linear/GroupedDecode.h"
#include "codegen/ptx/linear/LinearDecode.h"
#include "test/unit/codegen/ptx/GroupedProblem.h"
#include "test/unit/codegen/ptx/KernelRun.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::LinearDecodeSpec;
using nvptx::LinearSpec;

namespace {

Finished runOf(const EmittedKernel &kernel, int64_t most, const GroupedProblem &problem, int64_t stride, bool strict) {
  std::vector<Argument> arguments = {
      memory(problem.weights.packed()),      memory(problem.codes), memory(problem.groups),
      result(size_t(problem.rows * stride)), number(stride),        number(problem.rows)};
  std::array<uint32_t, 3> grid = {uint32_t(problem.spec.tiles()), uint32_t((problem.rows + most - 1) / most), 1};
  return strict ? run(kernel, grid, arguments) : runPlain(kernel, grid, arguments);
}

EmittedKernel emitProduct(const LinearDecodeSpec &spec, const std::string &chip = "sm_80") {
  return emit(chip, [&](nvptx::KernelLibrary &kernels) { return linearDecodeKernel(kernels, spec); });
}

/// `stride`: bytes from one row of results to the next.
void expectRight(const LinearDecodeSpec &spec, int64_t rows, int64_t stride, const std::string &chip = "sm_80") {
  SCOPED_TRACE(std::to_string(spec.linear.outputs) + " x " + std::to_string(spec.linear.inputs) + ", " +
               std::to_string(rows) + " rows, " + chip);
  GroupedProblem problem(spec.linear, rows);
  Finished run = runOf(emitProduct(spec, chip), spec.rows, problem, stride, /*strict=*/true);
  ASSERT_EQ(run.error, "");
  std::vector<float> found = as<float>(run.result);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t n = 0; n < stride / 4; ++n)
      ASSERT_EQ(found[size_t(row * stride / 4 + n)], n < spec.linear.outputs ? problem.expected(row, n) : 0)
          << row << ", " << n;
}

class GroupedDecode : public testing::TestWithParam<GroupFormat> {};

// Widths in groups: one; odd numbers of 32 inputs; beyond a piece, beyond two.
TEST_P(GroupedDecode, IsThatOfCpus) {
  const GroupFormat &format = GetParam();
  struct Shape {
    int64_t outputs, groups, most, rows;
    bool bias;
  };
  int64_t ofPiece = 1024 / format.group;
  for (Shape shape : {Shape{16, 1, 8, 1, false},
                      {33, 3, 8, 8, true},
                      {17, ofPiece, 8, 3, false},
                      {5, 2 * ofPiece + 1, 8, 2, true},
                      {16, 2 * ofPiece + 4, 16, 9, true},
                      {20, 5, 16, 16, false},
                      {19, 3, 8, 21, true},
                      {16, 2, 16, 40, false}})
    expectRight({format.spec(shape.outputs, shape.groups * format.group, shape.bias), shape.most}, shape.rows,
                4 * shape.outputs);
  expectRight({format.spec(21, 2 * format.group, true), 8}, 3, nvptx::rowBytes(21, 4));
  expectRight({format.spec(48, 3 * format.group, true), 8}, 4, 4 * 48, "sm_90a");
}

TEST_P(GroupedDecode, ReadsWhatItMust) {
  LinearDecodeSpec spec = {GetParam().spec(64, 4096, false), 8};
  for (int64_t rows : {1, 8}) {
    GroupedProblem problem(spec.linear, rows);
    Finished run = runOf(emitProduct(spec), 8, problem, 4 * 64, false);
    ASSERT_EQ(run.error, "");
    int64_t ofRows = rows * spec.linear.tiles() * (problem.layout.codeBytes() + problem.layout.groupsBytes());
    EXPECT_LE(32 * double(run.counters.globalLoadSectors), 1.1 * double(spec.linear.bytes() + ofRows));
    EXPECT_EQ(run.counters.sharedWavefronts, run.counters.sharedIdealWavefronts);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, GroupedDecode, testing::ValuesIn(groupFormats()),
                         [](const auto &info) { return std::string(info.param.name); });
INSTANTIATE_TEST_SUITE_P(Codebooks, GroupedDecode, testing::ValuesIn(codebookFormats()),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
