// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The greatest results of a product against the whole product, bit for bit, for each CPU whose kernels differ: ragged
// outputs and depths, equal results across the border of what is wanted, rows of zeros, numbers that are none, previews
// of 8 bits and worse ones; and that bounds spare the work they are for.
#include "codegen/cpu/ranking/TopLinear.h"
#include "test/unit/codegen/KernelHarness.h"

#include "lmopt/abi.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

using namespace lmopt;
using test::Memory;

namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();
constexpr int64_t kRows = 6, kPaddedRows = 8;

struct Shape {
  int64_t outputs, inputs, count;
  bool bias, packed; ///< packed: rows of the result follow one another without padding
  cpu::WeightFormat format;
};

// One panel and less, ragged ones, more panels than fit into a register; all wanted; one wanted.
const Shape kShapes[] = {
    {7, 5, 3, true, true, cpu::WeightFormat::F32},     {16, 16, 16, false, false, cpu::WeightFormat::F32},
    {325, 48, 9, true, true, cpu::WeightFormat::F32},  {640, 70, 40, false, false, cpu::WeightFormat::F32},
    {333, 33, 5, true, true, cpu::WeightFormat::Bf16}, {512, 64, 1, false, true, cpu::WeightFormat::Bf16}};

/// A row of codes as lm.quantize_dynamic makes it.
void quantizeRow(const std::vector<float> &x, char *to) {
  float low = 0, high = 0;
  for (float number : x) {
    low = std::min(low, number);
    high = std::max(high, number);
  }
  float scale = high > low ? (high - low) / 255 : 1;
  auto zero = static_cast<int32_t>(std::lrint(-low / scale));
  std::memcpy(to, &scale, 4);
  std::memcpy(to + 4, &zero, 4);
  for (size_t k = 0; k < x.size(); ++k)
    to[64 + k] = static_cast<char>(std::clamp<long>(std::lrint(x[k] / scale) + zero, 0, 255));
}

struct Problem {
  Problem(const Shape &shape, uint64_t seed) : spec(specOf(shape)), random(seed) {
    fillWeights();
    for (int64_t r = 0; r < kRows; ++r)
      fillRow(r);
  }

  cpu::TopSpec spec;
  test::Random random;
  Memory in{kPaddedRows * spec.exact.inStride()}, weights{spec.exact.bytes()};
  Memory rotated{kPaddedRows * cpu::floatRowBytes(spec.exact.inputs)};
  Memory codes{kPaddedRows * cpu::quantRowBytes(spec.exact.inputs)};
  Memory preview{kPaddedRows * cpu::floatRowBytes(spec.exact.outputs)};
  Memory bounds{2 * cpu::floatRowBytes(spec.exact.outputs)};
  std::vector<std::vector<float>> matrix, coarse; ///< and what the preview reads instead
  std::vector<float> bias;
  int whole = 0, top = 0; ///< kernels

  static cpu::TopSpec specOf(const Shape &shape) {
    cpu::TopSpec spec;
    spec.exact.outputs = shape.outputs;
    spec.exact.inputs = shape.inputs;
    spec.exact.format = shape.format;
    spec.exact.bias = shape.bias;
    spec.exact.outStride = shape.packed ? 4 * shape.outputs : cpu::floatRowBytes(shape.outputs);
    spec.count = shape.count;
    return spec;
  }

  float number() {
    float x = random.heavy();
    return spec.exact.bf16() ? test::fromBf16(test::toBf16(x)) : x;
  }

  void packNumber(int64_t n, int64_t k, float number) {
    const cpu::LinearSpec &s = spec.exact;
    if (s.bf16()) {
      uint16_t half = test::toBf16(number);
      std::memcpy(weights.data() + s.unitOffset(n / 16, k / 2) + n % 16 * 4 + k % 2 * 2, &half, 2);
    } else {
      weights.floats(s.unitOffset(n / 16, k))[n % 16] = number;
    }
  }

  // Some rows twice, far apart, so that results are equal.
  void fillWeights() {
    const cpu::LinearSpec &s = spec.exact;
    for (int64_t n = 0; n < s.outputs; ++n) {
      std::vector<float> row(s.inputs), rough(s.inputs);
      for (float &x : row)
        x = number();
      if (n >= 3 && n % 4 == 3)
        row = matrix[n / 2];
      float step = 0;
      for (float x : row)
        step = std::max(step, std::fabs(x) / 127);
      double missing = 0, length = 0;
      for (int64_t k = 0; k < s.inputs; ++k) {
        rough[k] = std::nearbyint(row[k] / step) * step;
        missing += std::pow(double(row[k]) - rough[k], 2);
        length += std::pow(double(row[k]), 2);
        packNumber(n, k, row[k]);
      }
      bounds.floats(0)[n] = float(std::sqrt(missing) * 1.000001);
      bounds.floats(spec.normOffset())[n] = float(std::sqrt(length) * 1.000001);
      matrix.push_back(row);
      coarse.push_back(rough);
      bias.push_back(s.bias && n % 4 != 3 ? random.real() : 0);
      if (s.bias)
        weights.floats(s.biasOffset())[n] = bias.back();
    }
  }

  // Row 0: zeros, so that all results are biases; row 1: with a number that is none.
  void fillRow(int64_t r) {
    const cpu::LinearSpec &s = spec.exact;
    std::vector<float> x(s.inputs);
    for (float &number : x)
      number = r == 0 ? 0 : this->number();
    float *to = rotated.floats(r * cpu::floatRowBytes(s.inputs));
    std::copy(x.begin(), x.end(), to);
    quantizeRow(x, codes.data() + r * cpu::quantRowBytes(s.inputs));
    if (r == 1)
      to[0] = x[0] = std::nanf("");
    for (int64_t k = 0; k < s.inputs; ++k) {
      if (s.bf16())
        reinterpret_cast<uint16_t *>(in.data() + r * s.inStride())[k] = std::isnan(x[k]) ? 0x7fc0 : test::toBf16(x[k]);
      else
        in.floats(r * s.inStride())[k] = x[k];
    }
    previewRow(r);
  }

  void previewRow(int64_t r) {
    const char *row = codes.data() + r * cpu::quantRowBytes(spec.exact.inputs);
    float scale;
    int32_t zero;
    std::memcpy(&scale, row, 4);
    std::memcpy(&zero, row + 4, 4);
    for (int64_t n = 0; n < spec.exact.outputs; ++n) {
      double sum = 0;
      for (int64_t k = 0; k < spec.exact.inputs; ++k)
        sum += double(scale) * (static_cast<uint8_t>(row[64 + k]) - zero) * coarse[n][k];
      previewOf(r)[n] = float(sum) + bias[n];
    }
  }
  float *previewOf(int64_t r) { return preview.floats(r * cpu::floatRowBytes(spec.exact.outputs)); }

  void add(test::KernelHarness &harness) {
    whole = harness.add(cpu::linearKernel(harness.library(), spec.exact));
    top = harness.add(cpu::topLinearKernel(harness.library(), spec));
  }

  /// The rows of a result; `panels`: how many the kernel computed for the last row.
  std::vector<std::vector<float>> run(const test::KernelHarness &harness, int64_t asked, int64_t &panels) const {
    const cpu::LinearSpec &s = spec.exact;
    Memory out(kPaddedRows * s.outStride), scratch(spec.scratchBytes());
    lmopt_step_t step = {};
    step.top = asked;
    harness.call(top, {in, rotated, codes, preview, weights, bounds, out, scratch, &step, 0, kRows});
    std::memcpy(&panels, scratch.data() + spec.cellOffset(), 8);
    return rowsOf(out);
  }

  std::vector<std::vector<float>> expected(const test::KernelHarness &harness, int64_t count) const {
    Memory out(kPaddedRows * spec.exact.outStride);
    harness.call(whole, {in, weights, out, 0, kRows, 0, spec.exact.panels()});
    std::vector<std::vector<float>> rows = rowsOf(out);
    for (std::vector<float> &row : rows) {
      std::replace_if(row.begin(), row.end(), [](float y) { return std::isnan(y); }, kNone);
      std::vector<size_t> order(row.size());
      std::iota(order.begin(), order.end(), 0);
      std::sort(order.begin(), order.end(),
                [&](size_t a, size_t b) { return row[a] > row[b] || (row[a] == row[b] && a < b); });
      for (size_t i = count; i < order.size(); ++i)
        row[order[i]] = kNone;
    }
    return rows;
  }

  std::vector<std::vector<float>> rowsOf(const Memory &out) const {
    std::vector<std::vector<float>> rows;
    for (int64_t r = 0; r < kRows; ++r) {
      const float *row = out.floats(r * spec.exact.outStride);
      rows.emplace_back(row, row + spec.exact.outputs);
    }
    return rows;
  }
};

using TopLinear = test::KernelTest<test::CompiledProblems<Problem, kShapes>>;

TEST_P(TopLinear, givesTheGreatestOfTheWholeProduct) {
  int64_t panels = 0;
  for (const auto &problem : library->problems)
    for (int64_t asked : {int64_t(0), int64_t(1), (problem->spec.count + 1) / 2, problem->spec.count + 7}) {
      int64_t count = asked ? std::min(asked, problem->spec.count) : problem->spec.count;
      EXPECT_EQ(problem->run(library->harness, asked, panels), problem->expected(library->harness, count))
          << problem->spec.exact.outputs << " outputs, " << asked << " asked for";
    }
}

TEST_P(TopLinear, doesNotBelieveAPreviewThatIsNoNumber) {
  int64_t panels = 0;
  for (const auto &problem : library->problems) {
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t n = r; n < problem->spec.exact.outputs; n += 3)
        problem->previewOf(r)[n] = n % 2 ? std::nanf("") : std::numeric_limits<float>::infinity();
    EXPECT_EQ(problem->run(library->harness, 0, panels), problem->expected(library->harness, problem->spec.count));
    for (int64_t r = 0; r < kRows; ++r)
      problem->previewRow(r);
  }
}

// The last row is ordinary: 8 bits tell the greatest few of 640 results from most of the others.
TEST_P(TopLinear, leavesOutWhatTheBoundExcludes) {
  int64_t panels = 0;
  Problem &problem = *library->problems[3];
  problem.run(library->harness, 1, panels);
  EXPECT_GE(panels, 1);
  EXPECT_LT(panels, problem.spec.exact.panels() / 2);
}

// A bound that says more than is true must change results, or the test above proves nothing.
TEST_P(TopLinear, reliesOnTheBound) {
  int64_t panels = 0;
  Problem &problem = *library->problems[3];
  const int64_t last = kRows - 1;
  std::vector<float> row = problem.expected(library->harness, 1)[last];
  int64_t best = std::max_element(row.begin(), row.end()) - row.begin();
  problem.previewOf(last)[best] = -1e6f;
  EXPECT_NE(problem.run(library->harness, 1, panels)[last], row);
  problem.previewRow(last);
}

INSTANTIATE_TEST_SUITE_P(
    Cpus, TopLinear, testing::ValuesIn(test::distinct({"native", "x86-64", "x86-64-v3", "skylake-avx512", "znver5"})),
    test::nameOfCpu);

} // namespace
