// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels that read the step: the table of rows for segments of several sequences, and pooling of every kind over
// segments of one and of many rows.
#include "codegen/cpu/RowInfo.h"
#include "codegen/cpu/pooling/Pooling.h"
#include "test/unit/codegen/KernelHarness.h"

#include "lmopt/abi.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>

using namespace lmopt;
using test::Memory;

namespace {

constexpr int64_t kWidths[] = {30, 64};
constexpr Pooling kKinds[] = {Pooling::Mean, Pooling::Cls,      Pooling::Max,
                              Pooling::Last, Pooling::MeanSqrt, Pooling::Weighted};

class StepKernel : public testing::Test {
protected:
  static void SetUpTestSuite() {
    harness = new test::KernelHarness();
    describe = harness->add(cpu::describeRowsKernel(harness->library()));
    for (int64_t width : kWidths)
      for (Pooling kind : kKinds)
        pools.push_back(harness->add(cpu::poolKernel(harness->library(), width, {kind})));
    harness->build();
  }
  static void TearDownTestSuite() {
    delete harness;
    harness = nullptr;
    pools.clear();
  }

  /// As a runtime gives them whose segments are longer than those that the code knows.
  struct LaterSegment {
    LaterSegment(const lmopt_segment_t &known) : known(known) {} // NOLINT(google-explicit-constructor)
    lmopt_segment_t known;
    int64_t later[3] = {-1, -1, -1};
  };

  static lmopt_step_t stepOf(const std::vector<LaterSegment> &segments) {
    lmopt_step_t step = {};
    step.struct_size = sizeof(step);
    step.segments = &segments.front().known;
    step.segment_size = sizeof(LaterSegment);
    step.segment_count = segments.size();
    for (const LaterSegment &segment : segments)
      step.rows += segment.known.rows;
    return step;
  }

  static test::KernelHarness *harness;
  static int describe;
  static std::vector<int> pools;
};
test::KernelHarness *StepKernel::harness = nullptr;
int StepKernel::describe = 0;
std::vector<int> StepKernel::pools;

TEST_F(StepKernel, DescribesEachRowOnce) {
  char a, b, c;
  std::vector<LaterSegment> segments = {lmopt_segment_t{&a, 64, 5, 0, 3, 1, nullptr},
                                        lmopt_segment_t{&b, 128, 0, 3, 1, 0, nullptr},
                                        lmopt_segment_t{&c, 32, 31, 4, 1, 1, nullptr}};
  lmopt_step_t step = stepOf(segments);
  Memory table(5 * cpu::kRowInfoBytes);
  harness->call(describe, {&step, table});
  struct Row {
    void *cache;
    int64_t capacity, position, rope;
  };
  const Row wanted[] = {{&a, 64, 5, 1}, {&a, 64, 6, 1}, {&a, 64, 7, 1}, {&b, 128, 0, 0}, {&c, 32, 31, 1}};
  for (int64_t r = 0; r < 5; ++r) {
    Row row;
    std::memcpy(&row, table.data() + r * cpu::kRowInfoBytes, sizeof(row));
    EXPECT_EQ(row.cache, wanted[r].cache) << r;
    EXPECT_EQ(row.capacity, wanted[r].capacity) << r;
    EXPECT_EQ(row.position, wanted[r].position) << r;
    EXPECT_EQ(row.rope, wanted[r].rope) << r;
  }
}

double poolPlainly(Pooling kind, const Memory &in, int64_t stride, const lmopt_segment_t &segment, int64_t column) {
  double sum = 0, weighted = 0, weights = 0, largest = -INFINITY;
  for (int64_t r = segment.row; r < segment.row + segment.rows; ++r) {
    sum += in.floats(r * stride)[column];
    weights += static_cast<double>(r - segment.row + 1);
    weighted += static_cast<double>(r - segment.row + 1) * in.floats(r * stride)[column];
    largest = std::max<double>(largest, in.floats(r * stride)[column]);
  }
  switch (kind) {
  case Pooling::Mean:
    return sum / segment.rows;
  case Pooling::MeanSqrt:
    return sum / std::sqrt(static_cast<double>(segment.rows));
  case Pooling::Weighted:
    return weighted / weights;
  case Pooling::Cls:
    return in.floats(segment.row * stride)[column];
  case Pooling::Max:
    return largest;
  case Pooling::Last:
    return in.floats((segment.row + segment.rows - 1) * stride)[column];
  }
  return 0;
}

TEST_F(StepKernel, PoolsEverySegment) {
  std::vector<LaterSegment> segments = {lmopt_segment_t{nullptr, 16, 0, 0, 1, 0, nullptr},
                                        lmopt_segment_t{nullptr, 16, 0, 1, 13, 0, nullptr},
                                        lmopt_segment_t{nullptr, 16, 0, 14, 2, 0, nullptr}};
  lmopt_step_t step = stepOf(segments);
  for (size_t w = 0; w < std::size(kWidths); ++w)
    for (size_t k = 0; k < std::size(kKinds); ++k) {
      int64_t stride = cpu::floatRowBytes(kWidths[w]);
      Memory in(16 * stride), out(3 * stride);
      test::Random random(w);
      for (int64_t r = 0; r < 16; ++r)
        for (int64_t i = 0; i < kWidths[w]; ++i)
          in.floats(r * stride)[i] = random.real() - 3; // all negative: a maximum that starts at 0 would show
      harness->call(pools[w * std::size(kKinds) + k], {in, out, &step, 0, 2});
      harness->call(pools[w * std::size(kKinds) + k], {in, out, &step, 2, 3});
      for (int64_t s = 0; s < 3; ++s) {
        for (int64_t i = 0; i < kWidths[w]; ++i)
          ASSERT_NEAR(out.floats(s * stride)[i], poolPlainly(kKinds[k], in, stride, segments[s].known, i),
                      14 * 4 * 4 * FLT_EPSILON)
              << "kind " << k << " segment " << s << " column " << i;
        for (int64_t i = kWidths[w]; i < stride / 4; ++i)
          ASSERT_EQ(out.floats(s * stride)[i], 0.0f) << "beyond the width";
      }
    }
}

} // namespace
