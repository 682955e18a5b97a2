// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The engine of row programs runs functions that it has never heard of: two are defined here, with all that one can ask
// for (stages, accumulators, a chunk of its own, a factor for its readers), and run alone and among others. How
// programs are cut into passes, and who gets a factor. Each bound is counted in float roundings.
#include "codegen/cpu/elementwise/ElementwiseRows.h"
#include "codegen/cpu/norm/NormRows.h"
#include "codegen/cpu/quantize/QuantizeRows.h"
#include "codegen/cpu/rows/RowContext.h"
#include "codegen/cpu/rows/RowPasses.h"
#include "test/unit/codegen/RowExpectations.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>

using namespace lmopt;
using namespace lmopt::test;
using mlir::Value;

namespace {

/// (x - m) / sum |x - m|, m the middle between the extremes (of the row and zero).
class AroundMiddle : public cpu::RowFunction, public cpu::RowReduction {
public:
  cpu::RowName name() const override { return {"aroundmiddle"}; }
  const cpu::RowReduction *reduction() const override { return this; }
  int64_t stages() const override { return 2; }
  int64_t accumulators() const override { return 2; }

  void gather(cpu::RowContext &row, int64_t stage, Value x, Value offset,
              llvm::MutableArrayRef<Value> sums) const override {
    cpu::Emitter &e = row.e;
    if (stage == 0) {
      sums[0] = e.min(x, sums[0]);
      sums[1] = e.max(x, sums[1]);
    } else {
      sums[1] = e.add(e.magnitude(centred(row, x, offset)), sums[1]);
    }
  }
  void conclude(cpu::RowTotals &totals, int64_t stage) const override {
    cpu::Emitter &e = totals.e;
    Value number =
        stage == 0 ? e.mul(e.add(totals.least(0), totals.largest(1)), e.f32(0.5f)) : e.div(e.f32(1), totals.sum(1));
    totals.remember(e.broadcast(number));
  }
  void map(cpu::RowChunk &chunk) const override {
    chunk.each([&](int64_t i, Value offset) {
      return chunk.e.mul(centred(chunk, chunk.operand(0, i), offset), chunk.number(1));
    });
  }

private:
  static Value centred(cpu::RowContext &row, Value x, Value offset) {
    return cpu::zeroBeyondWidth(row.e, row.width(), row.e.sub(x, row.number(0)), offset);
  }
};

/// Neighbouring registers change places; all is multiplied with a power of two.
class SwapRegisters : public cpu::RowFunction {
public:
  explicit SwapRegisters(float scale) : scale(scale) {}
  cpu::RowName name() const override { return {"swap", "x" + std::to_string(scale)}; }
  cpu::ChunkSize chunk(int64_t) const override { return {2}; }
  float factor() const override { return scale; }
  void map(cpu::RowChunk &chunk) const override {
    chunk.each([&](int64_t i, Value) {
      Value x = chunk.operand(0, i ^ 1);
      return chunk.leavesFactor() ? x : chunk.e.mul(x, chunk.e.floatsOf(scale));
    });
  }

private:
  float scale;
};

cpu::RowFunctionRef aroundMiddle() { return std::make_shared<AroundMiddle>(); }
cpu::RowFunctionRef swapRegisters(float scale) { return std::make_shared<SwapRegisters>(scale); }

Expected aroundMiddleOf(const Row &a) {
  double low = 0, high = 0, sum = 0, largest = 0;
  for (double x : a) {
    low = std::min(low, x);
    high = std::max(high, x);
    largest = std::max(largest, std::abs(x));
  }
  double middle = (low + high) / 2;
  for (double x : a)
    sum += std::abs(x - middle);
  // Middle and differences are off by two roundings of the largest number each, N of which make the sum.
  double off = 4 * kEps * largest, sumOff = a.size() * (off / sum + kEps);
  return mapRow(a, [&](size_t i) {
    double y = (a[i] - middle) / sum;
    return std::pair(y, off / sum + std::abs(y) * (sumOff + 4 * kEps));
  });
}

Row swapped(const Row &a, double scale) {
  Row result;
  for (size_t i = 0; i < a.size(); ++i)
    result.push_back(a[i ^ 16] * scale);
  return result;
}

class RowFunction : public RowProgramTest {};

TEST_P(RowFunction, RunsWhatTheTestDefines) {
  const std::vector<int64_t> widths = {16, 30, 96, 576};
  std::vector<int> kernels;
  for (int64_t width : widths)
    kernels.push_back(
        harness->add(cpu::rowsKernel(harness->library(), chain(width, {aroundMiddle()}, cpu::floatRowBytes(width)))));
  harness->build();
  for (size_t w = 0; w < widths.size(); ++w) {
    const int64_t width = widths[w], stride = cpu::floatRowBytes(width);
    Memory in = makeRows(width, 3), out(kRows * stride), scratch(64);
    harness->call(kernels[w], {in, out, scratch, nullptr, nullptr, nullptr, 0, kRows});
    for (int64_t r = 0; r < kRows; ++r) {
      Expected expected = aroundMiddleOf(rowOf(in, width, r));
      for (int64_t i = 0; i < stride / 4; ++i) {
        double wanted = i < width ? expected.value[i] : 0, tolerance = i < width ? expected.tolerance[i] : 0;
        ASSERT_NEAR(out.floats(r * stride)[i], wanted, tolerance) << "width " << width << " row " << r << " " << i;
      }
    }
  }
}

// 0 -> swapped, times 1/4 -> + 0 -> around the middle: the factor is applied, the sum goes through the scratch row.
TEST_P(RowFunction, StandsAmongOthers) {
  const int64_t width = 96, stride = cpu::floatRowBytes(width);
  cpu::RowProgram program = chain(width, {swapRegisters(0.25f), cpu::add(), aroundMiddle()}, stride);
  program.ops[1].operands.push_back(0);
  int kernel = harness->add(cpu::rowsKernel(harness->library(), program));
  harness->build();
  Memory in = makeRows(width, 5), out(kRows * stride), scratch(program.scratchBytes());
  harness->call(kernel, {in, out, scratch, nullptr, nullptr, nullptr, 0, kRows});
  for (int64_t r = 0; r < kRows; ++r) {
    Row x = rowOf(in, width, r), sum = swapped(x, 0.25);
    for (int64_t i = 0; i < width; ++i)
      sum[i] = float(sum[i] + x[i]);
    Expected expected = aroundMiddleOf(sum);
    for (int64_t i = 0; i < width; ++i)
      ASSERT_NEAR(out.floats(r * stride)[i], expected.value[i], expected.tolerance[i]) << "row " << r << " " << i;
  }
}

// A quantization applies the factor that the function before it leaves.
TEST_P(RowFunction, LeavesAFactorToItsReader) {
  const int64_t width = 96, stride = cpu::quantRowBytes(width);
  cpu::RowProgram program = chain(width, {swapRegisters(0.25f), cpu::quantizeDynamic()}, stride);
  int kernel = harness->add(cpu::rowsKernel(harness->library(), program));
  harness->build();
  Memory in = makeRows(width, 6), out(kRows * stride), scratch(program.scratchBytes());
  harness->call(kernel, {in, out, scratch, nullptr, nullptr, nullptr, 0, kRows});
  for (int64_t r = 0; r < kRows; ++r) {
    Row wanted = swapped(rowOf(in, width, r), 0.25);
    const char *row = out.data() + r * stride;
    float scale;
    int32_t zero;
    std::memcpy(&scale, row, 4);
    std::memcpy(&zero, row + 4, 4);
    for (int64_t i = 0; i < width; ++i) {
      double found = double(scale) * (static_cast<uint8_t>(row[cpu::kQuantHeader + i]) - zero);
      ASSERT_NEAR(found, wanted[i], scale * 0.501) << "row " << r << " column " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cpus, RowFunction, testing::Values("native", "x86-64"), nameOfCpu);

TEST(RowPasses, FactorsGoToReadersThatTakeThem) {
  cpu::RowProgram program = chain(96, {swapRegisters(0.25f), cpu::quantizeDynamic()}, cpu::quantRowBytes(96));
  EXPECT_EQ(cpu::pendingFactors(program)[1], 0.25f);
  cpu::RowProgram leaves = program; // the program's result is complete
  leaves.outputs.push_back({1, cpu::floatRowBytes(96)});
  EXPECT_EQ(cpu::pendingFactors(leaves)[1], 1.0f);
  cpu::RowProgram other = program; // a second reader that takes none
  other.ops.push_back({cpu::add(), {0, 1}, 3, 96});
  other.widths.push_back(96);
  EXPECT_EQ(cpu::pendingFactors(other)[1], 1.0f);
  cpu::RowProgram rotated = program;
  rotated.ops[0].function = cpu::rotate(64);
  EXPECT_EQ(cpu::pendingFactors(rotated)[1], 0.125f);
  rotated.ops[0].function = cpu::rotate(32); // its norm is no power of two
  EXPECT_EQ(cpu::pendingFactors(rotated)[1], 1.0f);
}

TEST(RowPasses, CutWhereNumbersOfTheRowAreWanted) {
  cpu::RowProgram program = chain(128, {aroundMiddle(), swapRegisters(2), cpu::rotate(64)}, cpu::floatRowBytes(128));
  std::vector<cpu::Pass> passes = cpu::planPasses(program);
  ASSERT_EQ(passes.size(), 3u); // two stages, then all results
  EXPECT_EQ(passes[1].stage, 1);
  EXPECT_EQ(passes[2].maps.size(), 3u);
  EXPECT_EQ(passes[2].chunkRegisters(), 4);
  EXPECT_EQ(cpu::storedValues(program, passes), (std::vector<bool>{true, false, false, true}));
}

TEST(RowPasses, CutWhereChunksDisagree) {
  cpu::RowProgram program = chain(96, {swapRegisters(2), cpu::quantizeGroups(48)}, cpu::GroupedRow{96, 48}.bytes());
  std::vector<cpu::Pass> passes = cpu::planPasses(program);
  ASSERT_EQ(passes.size(), 2u); // swap; groups
  EXPECT_EQ(passes[0].chunkRegisters(), 2);
  EXPECT_EQ(passes[1].chunkRegisters(), 6);
  EXPECT_TRUE(cpu::storedValues(program, passes)[1]);
}

} // namespace
