// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row programs whose results are codes of 8 bits or bf16, chains through the scratch row, and the names of programs.
// In: rows of every temper. Out: codes as DynamicQuantizeLinear defines them.
#include "codegen/cpu/elementwise/ElementwiseRows.h"
#include "codegen/cpu/norm/NormRows.h"
#include "codegen/cpu/quantize/QuantizeRows.h"
#include "codegen/cpu/rows/RowProgram.h"
#include "test/unit/codegen/RowExpectations.h"

#include "gtest/gtest.h"

#include <cstring>

using namespace lmopt;
using namespace lmopt::test;

namespace {

class RowQuantize : public RowProgramTest {
protected:
  void checkChain(int64_t width, int64_t block, int kernel);
  void checkTrained(int64_t width, const cpu::CodeRange &range);
};

/// As models have it: norm, rotation, quantization.
cpu::RowProgram quantizeProgram(int64_t width, int64_t block = 2) {
  return chain(width, {cpu::rmsNorm(1e-6f), cpu::rotate(block), cpu::quantizeDynamic()}, cpu::quantRowBytes(width));
}

/// DynamicQuantizeLinear by its words, in doubles where floats would blur what is asked.
void checkQuantizedRow(const Row &x, const char *row) {
  float scale;
  int32_t zero;
  std::memcpy(&scale, row, 4);
  std::memcpy(&zero, row + 4, 4);
  double low = 0, high = 0;
  for (double v : x) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  float wanted = (float(high) - float(low)) / 255;
  ASSERT_EQ(scale, wanted > 1e-35f ? wanted : 0.0f);
  ASSERT_TRUE(zero >= 0 && zero <= 255) << zero;
  for (size_t i = 0; i < x.size(); ++i) {
    int code = static_cast<uint8_t>(row[cpu::kQuantHeader + i]);
    if (scale == 0) {
      ASSERT_EQ(code, zero) << "a row of nothing is all zero points";
      continue;
    }
    // Half a step, and what the rounded reciprocal adds: 255 steps off by one rounding each.
    ASSERT_NEAR(double(scale) * (code - zero), x[i], scale * (0.5 + 255 * 2 * kEps)) << "column " << i;
    double exact = x[i] / scale;
    bool tie = std::abs(std::abs(exact - std::floor(exact)) - 0.5) < 255 * 2 * kEps;
    if (!tie) {
      ASSERT_EQ(code, std::clamp<double>(std::nearbyint(exact) + zero, 0, 255)) << "column " << i;
    }
  }
}

/// Rows of every temper: ordinary, nothing, huge, tiny, below what can be divided by, all positive, all negative, one
/// value.
std::vector<Row> quantizeRows(int64_t width) {
  std::vector<Row> rows(8, Row(width, 0.0));
  Random random(9);
  for (int64_t i = 0; i < width; ++i) {
    rows[0][i] = random.heavy();
    rows[2][i] = float(random.real() * 1e38f);
    rows[3][i] = float(random.real() * 1e-30f);
    rows[4][i] = float(random.real() * 1e-36f);
    rows[5][i] = random.real() + 2;
    rows[6][i] = random.real() - 2;
    rows[7][i] = i == width - 1 ? -3 : 0;
  }
  return rows;
}

TEST_P(RowQuantize, Quantize) {
  const std::vector<int64_t> widths = {16, 30, 64, 80, 576};
  std::vector<int> kernels;
  for (int64_t width : widths)
    kernels.push_back(harness->add(
        cpu::rowsKernel(harness->library(), chain(width, {cpu::quantizeDynamic()}, cpu::quantRowBytes(width)))));
  harness->build();
  for (size_t w = 0; w < widths.size(); ++w) {
    std::vector<Row> rows = quantizeRows(widths[w]);
    int64_t count = rows.size(), stride = cpu::floatRowBytes(widths[w]), outStride = cpu::quantRowBytes(widths[w]);
    Memory in(count * stride), out(count * outStride), scratch(64);
    for (int64_t r = 0; r < count; ++r)
      std::copy(rows[r].begin(), rows[r].end(), in.floats(r * stride));
    harness->call(kernels[w], {in, out, scratch, nullptr, nullptr, nullptr, 0, count});
    for (int64_t r = 0; r < count; ++r) {
      SCOPED_TRACE(testing::Message() << "width " << widths[w] << " row " << r);
      checkQuantizedRow(rows[r], out.data() + r * outStride);
    }
  }
}

/// As #lm.code_range says, in f32.
float trainedCode(float x, const cpu::CodeRange &range) {
  return std::clamp(std::nearbyint(x * range.factor) + float(range.zero), float(range.least), float(range.greatest));
}

// To the last bit, whatever comes: also far beyond the range, where a rounding by adding would have no bits left, and
// half way between two codes.
TEST_P(RowQuantize, TrainedRanges) {
  const std::vector<int64_t> widths = {16, 30, 64, 80};
  const std::vector<cpu::CodeRange> ranges = {{1, 1, 100, 0, 255}, {0.02f, 50, 60, 0, 127}, {3e-3f, 333, 128, 1, 255}};
  for (size_t number = 0; number < ranges.size(); ++number)
    for (int64_t width : widths)
      checkTrained(width, ranges[number]);
}

void RowQuantize::checkTrained(int64_t width, const cpu::CodeRange &range) {
  KernelHarness harness(GetParam());
  int64_t stride = cpu::floatRowBytes(width), codeStride = cpu::quantRowBytes(width);
  int codes = harness.add(cpu::rowsKernel(harness.library(), chain(width, {cpu::quantizeStatic(range)}, codeStride)));
  int numbers = harness.add(cpu::rowsKernel(harness.library(), chain(width, {cpu::fakeQuantize(range)}, stride)));
  harness.build();
  std::vector<Row> rows = quantizeRows(width);
  rows[1] = {0.5, 1.5, -2.5, 1e6, -1e6, 3e38, -3e38, 126.5};
  rows[1].resize(width);
  int64_t count = rows.size();
  Memory in(count * stride), coded(count * codeStride), faked(count * stride), scratch(64);
  for (int64_t r = 0; r < count; ++r)
    std::copy(rows[r].begin(), rows[r].end(), in.floats(r * stride));
  harness.call(codes, {in, coded, scratch, nullptr, nullptr, nullptr, 0, count});
  harness.call(numbers, {in, faked, scratch, nullptr, nullptr, nullptr, 0, count});
  for (int64_t r = 0; r < count; ++r) {
    SCOPED_TRACE(testing::Message() << "width " << width << " row " << r);
    const char *row = coded.data() + r * codeStride;
    EXPECT_EQ(std::memcmp(row, &range.step, 4), 0);
    EXPECT_EQ(std::memcmp(row + 4, &range.zero, 4), 0);
    for (int64_t i = 0; i < stride / 4; ++i) {
      float code = trainedCode(i < width ? float(rows[r][i]) : 0, range);
      ASSERT_EQ(faked.floats(r * stride)[i], (code - float(range.zero)) * range.step) << "column " << i;
      if (i < width) {
        ASSERT_EQ(float(static_cast<uint8_t>(row[cpu::kQuantHeader + i])), code) << "column " << i;
      }
    }
  }
}

TEST_P(RowQuantize, Narrow) {
  const std::vector<int64_t> widths = {16, 30, 33, 64, 80};
  std::vector<int> kernels;
  for (int64_t width : widths)
    kernels.push_back(
        harness->add(cpu::rowsKernel(harness->library(), chain(width, {cpu::narrow()}, cpu::halfRowBytes(width)))));
  harness->build();
  for (size_t w = 0; w < widths.size(); ++w) {
    Memory in = makeRows(widths[w], 6), out(kRows * cpu::halfRowBytes(widths[w])), scratch(64);
    harness->call(kernels[w], {in, out, scratch, nullptr, nullptr, nullptr, 0, kRows});
    for (int64_t r = 0; r < kRows; ++r) {
      Row x = rowOf(in, widths[w], r);
      const auto *found = reinterpret_cast<const uint16_t *>(out.data() + r * cpu::halfRowBytes(widths[w]));
      for (int64_t i = 0; i < cpu::halfRowBytes(widths[w]) / 2; ++i)
        ASSERT_EQ(found[i], i < widths[w] ? toBf16(float(x[i])) : 0) << "row " << r << " column " << i;
    }
  }
}

// Values between operations live in the scratch row: what comes out is what the single operations would give.
// (The factor of a rotation by 16 is left to the quantization, that of a rotation by 2 is not.)
TEST_P(RowQuantize, ChainsThroughTheScratchRow) {
  const int64_t width = 80, blocks[] = {2, 16};
  std::vector<int> kernels;
  for (int64_t block : blocks)
    kernels.push_back(harness->add(cpu::rowsKernel(harness->library(), quantizeProgram(width, block))));
  harness->build();
  for (size_t i = 0; i < kernels.size(); ++i)
    checkChain(width, blocks[i], kernels[i]);
}

void RowQuantize::checkChain(int64_t width, int64_t block, int kernel) {
  cpu::RowProgram program = quantizeProgram(width, block);
  EXPECT_EQ(program.scratchBytes(), 2 * 2 * cpu::floatRowBytes(width)); // two rows of two values
  Memory in = makeRows(width, 5), out(kRows * cpu::quantRowBytes(width)), scratch(program.scratchBytes());
  harness->call(kernel, {in, out, scratch, nullptr, nullptr, nullptr, 0, kRows});
  for (int64_t r = 0; r < kRows; ++r) {
    Expected normed = rmsNorm(rowOf(in, width, r), 1e-6f, [](size_t) { return 1.0; });
    Expected turned = rotateRow(normed.value, block);
    const char *row = out.data() + r * cpu::quantRowBytes(width);
    float scale;
    int32_t zero;
    std::memcpy(&scale, row, 4);
    std::memcpy(&zero, row + 4, 4);
    for (int64_t i = 0; i < width; ++i) {
      double found = double(scale) * (static_cast<uint8_t>(row[cpu::kQuantHeader + i]) - zero);
      ASSERT_NEAR(found, turned.value[i], scale * 0.501) << "row " << r << " column " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cpus, RowQuantize, testing::ValuesIn(distinct({"native", "x86-64", "znver5"})), nameOfCpu);

// Two programs that differ in any constant must not share a kernel.
TEST(RowProgramNames, DifferWheneverTheCodeDoes) {
  KernelHarness harness;
  cpu::RowProgram program = quantizeProgram(64), other = program;
  std::string name = cpu::rowsKernel(harness.library(), program);
  EXPECT_EQ(cpu::rowsKernel(harness.library(), other), name);
  other.ops[0].function = cpu::rmsNorm(1e-5f);
  EXPECT_NE(cpu::rowsKernel(harness.library(), other), name);
  other = program;
  other.ops[0].function = cpu::activation(Activation::Gelu, /*for8Bits=*/false);
  name = cpu::rowsKernel(harness.library(), other);
  other.ops[0].function = cpu::activation(Activation::Gelu, /*for8Bits=*/true);
  EXPECT_NE(cpu::rowsKernel(harness.library(), other), name);
  name = cpu::rowsKernel(harness.library(), program);
  other = program;
  other.ops[1].function = cpu::rotate(4);
  EXPECT_NE(cpu::rowsKernel(harness.library(), other), name);
  other = program;
  other.ops[2].function = cpu::quantizeStatic({1, 1, 0, 0, 255});
  name = cpu::rowsKernel(harness.library(), other);
  for (cpu::CodeRange range :
       {cpu::CodeRange{1, 2, 0, 0, 255}, {2, 1, 0, 0, 255}, {1, 1, 1, 0, 255}, {1, 1, 0, 0, 127}}) {
    other.ops[2].function = cpu::quantizeStatic(range);
    EXPECT_NE(cpu::rowsKernel(harness.library(), other), name);
  }
  name = cpu::rowsKernel(harness.library(), program);
  other = program;
  other.inputs[0].gathered = true;
  EXPECT_NE(cpu::rowsKernel(harness.library(), other), name);
  other = program;
  other.outputs[0].stride += 64;
  EXPECT_NE(cpu::rowsKernel(harness.library(), other), name);
  // Two biases, of one weight or of two.
  cpu::RowProgram twice;
  twice.inputs = {{0, 256, false}};
  twice.outputs = {{2, 256}};
  twice.widths = {64, 64, 64};
  for (int64_t i : {0, 1})
    twice.ops.push_back({cpu::biasAdd(), {i}, i + 1, 64, {0}});
  twice.weightCount = 1;
  name = cpu::rowsKernel(harness.library(), twice);
  twice.ops[1].weights = {1};
  twice.weightCount = 2;
  EXPECT_NE(cpu::rowsKernel(harness.library(), twice), name);
}

} // namespace
