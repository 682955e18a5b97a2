// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Logits by classes, for each CPU whose kernels differ: all of them against plain loops in f64, the greatest against
// all of them, bit for bit: classes that begin and end within panels, of one word and of nearly all, heads of such
// words; equal results across the border of what is wanted; rows that are no numbers; and that classes stay closed that
// cannot have a word.
#include "codegen/cpu/ranking/ClassLogits.h"
#include "test/unit/codegen/KernelHarness.h"

#include "lmopt/abi.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace lmopt;
using test::Memory;

namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();
constexpr int64_t kRows = 5, kPaddedRows = 8;

struct Shape {
  int64_t inputs, count;
  std::vector<int64_t> sizes;
  bool bias, packed; ///< packed: rows of the result follow one another without padding
  cpu::WeightFormat format;
};

const Shape kShapes[] = {
    {5, 3, {7}, true, true, cpu::WeightFormat::F32},
    {16, 32, {16, 16}, false, false, cpu::WeightFormat::F32},
    {24, 9, {1, 1, 1, 40, 3, 17, 100, 2}, true, true, cpu::WeightFormat::F32},
    {33,
     20,
     {30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 5},
     true,
     true,
     cpu::WeightFormat::Bf16},
    {48, 1, {64, 64, 64, 64}, false, true, cpu::WeightFormat::F32},
    // an adaptive softmax: more words in its head than a vector has lanes, two clusters
    {24, 7, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 20, 75}, false, false, cpu::WeightFormat::F32}};

struct Problem {
  Problem(const Shape &shape, uint64_t seed) : shape(shape), random(seed) {
    spec.tables.words = std::accumulate(shape.sizes.begin(), shape.sizes.end(), int64_t(0));
    spec.tables.singles = std::count(shape.sizes.begin(), shape.sizes.end(), 1);
    spec.tables.classes = int64_t(shape.sizes.size());
    spec.exact.outputs = spec.tables.sharing();
    spec.exact.inputs = shape.inputs;
    spec.exact.format = shape.format;
    spec.exact.bias = shape.bias;
    spec.exact.outStride = shape.packed ? 4 * words() : cpu::floatRowBytes(words());
    spec.count = shape.count;
    weights = std::make_unique<Memory>(spec.exact.bytes());
    in = std::make_unique<Memory>(kPaddedRows * spec.exact.inStride());
    scores = std::make_unique<Memory>(kPaddedRows * scoreBytes());
    tables = std::make_unique<Memory>(spec.tables.bytes());
    fillTables();
    fillWeights();
    for (int64_t r = 0; r < kRows; ++r)
      fillRow(r);
  }

  Shape shape;
  cpu::TopClassSpec spec;
  test::Random random;
  std::unique_ptr<Memory> weights, in, scores, tables;
  int product = 0, logits = 0, top = 0; ///< kernels

  int64_t words() const { return spec.tables.words; }
  int64_t productBytes() const { return cpu::floatRowBytes(spec.exact.outputs); }
  int64_t scoreBytes() const { return cpu::floatRowBytes(spec.tables.classes); }
  int32_t word(int64_t place) const { return tables->ints(0)[place]; }

  /// Ids in an order of no meaning: steps of a number that has no divisor in common with theirs.
  void fillTables() {
    int64_t step = words() / 2 + 1;
    while (std::gcd(step, words()) != 1)
      ++step;
    for (int64_t i = 0; i < words(); ++i)
      tables->ints(0)[i] = int32_t(i * step % words());
    int32_t *begins = tables->ints(spec.tables.beginOffset());
    for (size_t c = 0; c < shape.sizes.size(); ++c)
      begins[c + 1] = begins[c] + int32_t(shape.sizes[c]);
  }

  // Each fourth word is one before it again: equal products, and equal results within a class.
  void fillWeights() {
    const cpu::LinearSpec &s = spec.exact;
    std::vector<std::vector<float>> rows;
    for (int64_t n = 0; n < s.outputs; ++n) {
      std::vector<float> row(s.inputs);
      for (float &x : row)
        x = random.real();
      if (n % 4 == 3)
        row = rows[n - 1];
      for (int64_t k = 0; k < s.inputs; ++k)
        packNumber(n, k, row[k]);
      if (s.bias)
        weights->floats(s.biasOffset())[n] = n % 4 < 2 ? random.real() : 0;
      rows.push_back(row);
    }
  }

  void packNumber(int64_t n, int64_t k, float number) {
    const cpu::LinearSpec &s = spec.exact;
    if (s.bf16()) {
      uint16_t half = test::toBf16(number);
      std::memcpy(weights->data() + s.unitOffset(n / 16, k / 2) + n % 16 * 4 + k % 2 * 2, &half, 2);
    } else {
      weights->floats(s.unitOffset(n / 16, k))[n % 16] = number;
    }
  }

  // Row 0: zeros, so that results are biases; row 1: no numbers; row 2: equal scores; the last: one class stands out.
  void fillRow(int64_t r) {
    const cpu::LinearSpec &s = spec.exact;
    for (int64_t k = 0; k < s.inputs; ++k) {
      float x = r == 0 ? 0 : r == 1 ? std::nanf("") : random.real();
      if (s.bf16())
        reinterpret_cast<uint16_t *>(in->data() + r * s.inStride())[k] = r == 1 ? 0x7fc0 : test::toBf16(x);
      else
        in->floats(r * s.inStride())[k] = x;
    }
    for (int64_t c = 0; c < spec.tables.classes; ++c)
      scores->floats(r * scoreBytes())[c] = r == 1 ? std::nanf("") : r == 2 ? 1 : 4 * random.real();
    if (r == kRows - 1)
      scores->floats(r * scoreBytes())[spec.tables.classes / 2] = 30;
  }

  void add(test::KernelHarness &harness) {
    cpu::LinearSpec padded = spec.exact;
    padded.outStride = productBytes();
    product = harness.add(cpu::linearKernel(harness.library(), padded));
    logits = harness.add(cpu::classLogitsKernel(harness.library(), {spec.tables, spec.exact.outStride}));
    top = harness.add(cpu::topClassLinearKernel(harness.library(), spec));
  }

  std::vector<std::vector<float>> rowsOf(const Memory &out, int64_t stride) const {
    std::vector<std::vector<float>> rows;
    for (int64_t r = 0; r < kRows; ++r)
      rows.emplace_back(out.floats(r * stride), out.floats(r * stride) + words());
    return rows;
  }

  Memory products(const test::KernelHarness &harness) const {
    Memory z(kPaddedRows * productBytes());
    harness.call(product, {*in, *weights, z, 0, kRows, 0, spec.exact.panels()});
    return z;
  }

  std::vector<std::vector<float>> all(const test::KernelHarness &harness) const {
    Memory z = products(harness), out(kPaddedRows * spec.exact.outStride), scratch(64);
    harness.call(logits, {z, *scores, *tables, out, scratch, 0, kRows});
    return rowsOf(out, spec.exact.outStride);
  }

  /// `opened`: classes, for the last row.
  std::vector<std::vector<float>> greatest(const test::KernelHarness &harness, int64_t asked, int64_t &opened) const {
    Memory out(kPaddedRows * spec.exact.outStride), scratch(spec.scratchBytes());
    lmopt_step_t step = {};
    step.top = asked;
    harness.call(top, {*in, *weights, *scores, *tables, out, scratch, &step, 0, kRows});
    std::memcpy(&opened, scratch.data() + spec.cellOffset(), 8);
    return rowsOf(out, spec.exact.outStride);
  }

  /// By the definition, from the products of the kernel.
  std::vector<std::vector<double>> expected(const test::KernelHarness &harness) const {
    Memory all = products(harness);
    std::vector<std::vector<double>> rows;
    for (int64_t r = 0; r < kRows; ++r) {
      const float *z = all.floats(r * productBytes()) - spec.tables.singles;
      const float *s = scores->floats(r * scoreBytes());
      double total = logSum(s, spec.tables.classes);
      rows.emplace_back(words());
      for (int64_t c = 0, begin = 0; c < spec.tables.classes; begin += shape.sizes[c++])
        for (int64_t i = begin; i < begin + shape.sizes[c]; ++i)
          rows.back()[word(i)] = s[c] - total + (shape.sizes[c] > 1 ? z[i] - logSum(&z[begin], shape.sizes[c]) : 0);
    }
    return rows;
  }

  static double logSum(const float *numbers, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; ++i)
      sum += std::exp(double(numbers[i]));
    return std::log(sum);
  }
};

std::vector<std::vector<float>> keepGreatest(std::vector<std::vector<float>> rows, int64_t count) {
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

using ClassLogits = test::KernelTest<test::CompiledProblems<Problem, kShapes>>;

// Numbers are at most some 40; exp and log are right to 3 ulp, sums of at most 100 terms and each difference round
// once: an absolute error of 100 2^-24 in a logarithm, 4 half ulps of 64 for what is subtracted and added.
TEST_P(ClassLogits, AreTheDefinition) {
  for (const auto &problem : library->problems) {
    std::vector<std::vector<float>> found = problem->all(library->harness);
    std::vector<std::vector<double>> expected = problem->expected(library->harness);
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t n = 0; n < problem->words(); ++n) {
        if (r == 1)
          ASSERT_TRUE(std::isnan(found[r][n]));
        else
          ASSERT_NEAR(found[r][n], expected[r][n], 100 * 0x1p-24 + 4 * 0x1p-19) << r << " " << n;
      }
  }
}

TEST_P(ClassLogits, GreatestAreThoseOfAll) {
  int64_t opened = 0;
  for (const auto &problem : library->problems) {
    std::vector<std::vector<float>> all = problem->all(library->harness);
    for (int64_t asked : {int64_t(0), int64_t(1), (problem->spec.count + 1) / 2, problem->spec.count + 7}) {
      int64_t count = asked ? std::min(asked, problem->spec.count) : problem->spec.count;
      EXPECT_EQ(problem->greatest(library->harness, asked, opened), keepGreatest(all, count))
          << problem->words() << " words, " << asked << " asked for";
    }
  }
}

// In the last row one class has nearly all of the probability; the best word of another is below its worst.
TEST_P(ClassLogits, LeaveClassesClosedThatHaveNone) {
  int64_t opened = 0;
  Problem &problem = *library->problems[3];
  problem.greatest(library->harness, 1, opened);
  EXPECT_EQ(opened, 1);
  problem.greatest(library->harness, 0, opened);
  EXPECT_EQ(opened, 1);
}

// What a class cannot have is told by its score alone: with another score its words come to light.
TEST_P(ClassLogits, ReliesOnTheScores) {
  int64_t opened = 0;
  Problem &problem = *library->problems[3];
  float *last = problem.scores->floats((kRows - 1) * problem.scoreBytes());
  std::vector<float> before = problem.greatest(library->harness, 0, opened).back();
  float kept = last[0];
  last[0] = 31;
  std::vector<float> after = problem.greatest(library->harness, 0, opened).back();
  EXPECT_GT(opened, 1);
  EXPECT_NE(before, after);
  EXPECT_EQ(after, keepGreatest(problem.all(library->harness), problem.spec.count).back());
  last[0] = kept;
}

INSTANTIATE_TEST_SUITE_P(
    Cpus, ClassLogits, testing::ValuesIn(test::distinct({"native", "x86-64", "x86-64-v3", "skylake-avx512", "znver5"})),
    test::nameOfCpu);

} // namespace
