// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The greatest results of a product by previews and a bound, on the interpreter, launch by launch: those of the whole
// product, bit for bit, in f32 and bf16, with and without a bias, whatever the previews are; most tiles are left out
// where they are good. Where the bound is taken away, results are missed, so it is what finds them. Plain and strict.
#include "codegen/ptx/ranking/CertifiedMarks.h"
#include "codegen/cpu/ranking/TopLinear.h"
#include "codegen/ptx/linear/LinearDecode.h"
#include "test/unit/codegen/ptx/GreatestRun.h"
#include "test/unit/codegen/ptx/LinearTileRun.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::CertifiedSpec;
using nvptx::LinearDecodeSpec;
using nvptx::MarkedBlock;

namespace {

/// A product, its previews by codes of `steps` steps to each side, and the norms for the bound.
struct Problem {
  CertifiedSpec spec;
  LinearProblem linear;
  size_t rows, inputs, outputs, width; ///< of a row of previews
  std::vector<float> x, previews, scales;
  std::vector<uint8_t> codes;
  std::vector<int32_t> zeros;
  std::vector<char> bounds;

  Problem(const LinearSpec &exact, int64_t rowCount, int steps)
      : spec({exact, 4 * exact.outputs}), linear(exact, rowCount), rows(size_t(rowCount)), inputs(size_t(exact.inputs)),
        outputs(size_t(exact.outputs)), width(size_t(spec.previewBytes()) / 4) {
    lm::WeightData matrix, coded;
    matrix.shape = coded.shape = {exact.outputs, exact.inputs};
    for (size_t n = 0; n < outputs; ++n)
      addWeights(n, steps, matrix, coded);
    for (size_t row = 0; row < rows; ++row)
      addRow(row, coded);
    bounds.resize(size_t(2 * spec.normOffset()));
    cpu::packBounds(matrix, coded, 0, bounds);
  }

  void addWeights(size_t n, int steps, lm::WeightData &matrix, lm::WeightData &coded) {
    float greatest = 0;
    for (size_t k = 0; k < inputs; ++k) {
      matrix.f32.push_back(float(linear.weight(int64_t(n), int64_t(k))));
      greatest = std::max(greatest, std::fabs(matrix.f32.back()));
    }
    coded.scales.push_back(greatest / float(steps));
    for (size_t k = 0; k < inputs; ++k)
      coded.s8.push_back(int8_t(std::lround(matrix.f32[n * inputs + k] / coded.scales.back())));
  }
  void addRow(size_t row, const lm::WeightData &coded) {
    size_t paddedFloats = size_t(nvptx::rowBytes(int64_t(inputs), 4)) / 4;
    size_t paddedCodes = size_t(nvptx::rowBytes(int64_t(inputs), 1));
    x.resize((row + 1) * paddedFloats), codes.resize((row + 1) * paddedCodes), previews.resize((row + 1) * width);
    scales.push_back(0.03F), zeros.push_back(128);
    for (size_t k = 0; k < inputs; ++k) {
      float number = float(linear.input(int64_t(row), int64_t(k)));
      x[row * paddedFloats + k] = number;
      codes[row * paddedCodes + k] = uint8_t(std::clamp<long>(std::lround(number / scales[row]) + 128, 0, 255));
    }
    for (size_t n = 0; n < outputs; ++n) {
      int64_t sum = 0;
      for (size_t k = 0; k < inputs; ++k)
        sum += coded.s8[n * inputs + k] * (codes[row * paddedCodes + k] - 128);
      volatile float product = float(sum) * (scales[row] * coded.scales[n]);
      previews[row * width + n] = spec.exact.bias ? product + linear.bias[n] : float(product);
    }
  }
};

/// The product of marked outputs (none: of all) over what was there.
std::vector<char> multiply(const Problem &problem, const std::vector<char> &marks, const std::vector<char> &results) {
  LinearDecodeSpec spec = {problem.spec.exact, 8};
  spec.marked = !marks.empty();
  std::vector<Argument> arguments = argumentsOf(problem.linear, problem.spec.outStride);
  arguments[2] = memory(results);
  if (spec.marked)
    arguments.push_back(memory(marks));
  return launch([&](auto &kernels) { return linearDecodeKernel(kernels, spec); }, spec.linear.tiles(),
                (problem.rows + 7) / 8, arguments)
      .memory[2];
}

/// All launches, as the model of lm.top_linear has them.
std::vector<float> greatest(const Problem &problem, int64_t top) {
  const CertifiedSpec &spec = problem.spec;
  size_t rows = problem.rows;
  size_t marksBytes = problem.rows * size_t(MarkedBlock::bytesOf(spec.exact.outputs));
  std::vector<char> out(problem.rows * size_t(spec.outStride), 0x5a);
  Finished first =
      launch([&](auto &kernels) { return previewMarksKernel(kernels, spec); }, spec.blocks(), rows,
             {memory(problem.previews), memory(listsOf(spec.previews(), memory(problem.previews), problem.rows, top)),
              result(marksBytes), memory(out), number(top)});
  out = multiply(problem, first.result, first.memory[3]);
  Finished second =
      launch([&](auto &kernels) { return boundMarksKernel(kernels, spec); }, spec.blocks(), rows,
             {memory(problem.previews), memory(listsOf(spec.results(), memory(out), problem.rows, top)), memory(out),
              memory(first.result), result(marksBytes), memory(problem.linear.packed()), memory(problem.bounds),
              memory(problem.x), memory(problem.codes), memory(problem.scales), memory(problem.zeros), number(top)});
  return as<float>(multiply(problem, second.result, out));
}

std::vector<float> whole(const Problem &problem) {
  return as<float>(multiply(problem, {}, std::vector<char>(problem.rows * size_t(problem.spec.outStride), 0x5a)));
}

Compared compare(const Problem &problem, int64_t top) {
  std::vector<float> found = greatest(problem, top);
  EXPECT_EQ(found.size(), problem.rows * problem.outputs);
  return compareRows(found, whole(problem), problem.outputs, top);
}

TEST(PtxCertifiedMarks, TheGreatestOfTheWholeProduct) {
  for (WeightFormat format : {WeightFormat::F32, WeightFormat::Bf16})
    for (int64_t top : {1, 5, 64}) {
      SCOPED_TRACE(top);
      Problem problem({3001, 72, format, /*bias=*/top == 5}, 3, 127);
      Compared compared = compare(problem, top);
      EXPECT_TRUE(compared.isRight);
      EXPECT_LT(compared.share, top == 1 ? 0.1 : 0.7);
    }
}

TEST(PtxCertifiedMarks, CoarsePreviewsCostTimeOnly) {
  for (int steps : {1, 7}) {
    Problem problem({500, 40, WeightFormat::F32, true}, 2, steps);
    EXPECT_TRUE(compare(problem, 3).isRight) << steps;
  }
}

TEST(PtxCertifiedMarks, WhatIsNoNumberIsMade) {
  Problem problem({2100, 40, WeightFormat::F32, false}, 2, 127);
  for (size_t n = 0; n < problem.outputs; ++n) {
    problem.previews[n] = std::nanf("");
    problem.previews[problem.width + n] = n % 7 ? problem.previews[problem.width + n] : kInfinity;
  }
  EXPECT_TRUE(compare(problem, 4).isRight);
}

TEST(PtxCertifiedMarks, FewerThanAreAskedFor) {
  Problem problem({7, 24, WeightFormat::F32, true}, 1, 127);
  EXPECT_TRUE(compare(problem, 7).isRight);
}

TEST(PtxCertifiedMarks, TheBoundIsNeeded) {
  Problem problem({2000, 40, WeightFormat::F32, false}, 6, 1);
  ASSERT_TRUE(compare(problem, 1).isRight);
  std::fill(problem.bounds.begin(), problem.bounds.end(), 0);
  EXPECT_FALSE(compare(problem, 1).isRight);
}

} // namespace
