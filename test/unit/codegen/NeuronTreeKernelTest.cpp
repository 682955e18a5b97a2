// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Trees of neurons against plain loops, for each CPU whose kernels differ: the way of each token to the last bit (rows
// of zeros, ties, NaN, infinite and huge numbers, sums that vanish), numbers within what f32 sums allow, the same bits
// however rows are dealt out, batches around every border of tokens that are taken together, ragged results, formats of
// rows, several trees, odd and even levels, blocks that are put in order and such that are not.
#include "codegen/cpu/conditional/NeuronTree.h"
#include "test/unit/codegen/KernelHarness.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace lmopt;
using cpu::RowNumber;
using test::Memory;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Shape {
  int64_t inputs, outputs, levels, trees, rows, mostTokens;
  RowNumber keys, values;
  Activation kind;
  bool tieRight, bias, packed; ///< packed: rows of the result follow one another without padding
  bool exact = false;          ///< numbers from rows of fewer bits than those that decide
};

const Shape kShapes[] = {
    {20, 24, 3, 1, 97, 16384, RowNumber::F32, RowNumber::F32, Activation::Gelu, false, true, false},
    {16, 16, 1, 1, 33, 16384, RowNumber::F32, RowNumber::F32, Activation::Relu, true, false, true},
    {48, 50, 2, 1, 41, 32, RowNumber::Bf16, RowNumber::Bf16, Activation::Silu, true, true, true},
    {70, 300, 5, 3, 150, 16384, RowNumber::F32, RowNumber::S8, Activation::GeluTanh, false, true, false},
    {33, 17, 6, 2, 70, 64, RowNumber::Bf16, RowNumber::F32, Activation::Tanh, false, true, true},
    {64, 40, 7, 1, 200, 16384, RowNumber::Bf16, RowNumber::Bf16, Activation::Gelu, false, true, false, true},
    {90, 40, 7, 2, 200, 16384, RowNumber::S8, RowNumber::S8, Activation::Gelu, true, true, false, true},
    // A sum of two pieces.
    {800, 20, 4, 1, 40, 16384, RowNumber::F32, RowNumber::F32, Activation::Gelu, false, true, false},
    // Results of 17 MB go past the caches.
    {16, 1024, 3, 2, 4200, 16384, RowNumber::F32, RowNumber::F32, Activation::Gelu, false, true, false},
    // 13 levels are more than the second-level cache holds, 1100 tokens more than a tile: they are put in order.
    {16, 16, 13, 1, 1100, 16384, RowNumber::F32, RowNumber::F32, Activation::Gelu, false, true, false},
    {40, 40, 14, 1, 1300, 2048, RowNumber::F32, RowNumber::F32, Activation::Gelu, true, false, true}};

float rounded(float x, RowNumber format) { return format == RowNumber::Bf16 ? test::fromBf16(test::toBf16(x)) : x; }

double apply(Activation kind, double x) {
  switch (kind) {
  case Activation::Gelu:
    return x / 2 * std::erfc(-x / std::sqrt(2.0));
  case Activation::GeluTanh:
    return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case Activation::Silu:
    return x / (1 + std::exp(-x));
  case Activation::Relu:
    return x > 0 ? x : 0;
  case Activation::Tanh:
    return std::tanh(x);
  }
  return 0;
}

struct Problem {
  Problem(const Shape &shape, uint64_t seed) : shape(shape), random(seed) {
    spec.descent.rows = {shape.trees * ((int64_t{1} << shape.levels) - 1), shape.inputs, shape.outputs, shape.keys,
                         shape.values};
    spec.descent.rows.exact = shape.exact;
    spec.descent.levels = shape.levels;
    spec.descent.trees = shape.trees;
    spec.descent.tieRight = shape.tieRight;
    spec.descent.mostTokens = shape.mostTokens;
    spec.kind = shape.kind;
    spec.outStride = shape.packed ? 4 * shape.outputs : cpu::floatRowBytes(shape.outputs);
    in = std::make_unique<Memory>(shape.rows * cpu::floatRowBytes(shape.inputs));
    weights = std::make_unique<Memory>(spec.descent.rows.bytes());
    scratch = std::make_unique<Memory>(spec.descent.scratchBytes());
    fillInputs();
    fillNeurons();
  }

  Shape shape;
  cpu::NeuronTreeSpec spec;
  test::Random random;
  std::unique_ptr<Memory> in, weights, scratch;
  std::vector<float> keys, narrow, values, biases; ///< keys decide, narrow give numbers
  int kernel = 0;

  void add(test::KernelHarness &harness) { kernel = harness.add(cpu::neuronTreeKernel(harness.library(), spec)); }
  float *row(int64_t r) const { return in->floats(r * cpu::floatRowBytes(shape.inputs)); }

  // Most are numbers; of every 16 rows one is of zeros, one such that the root's sum vanishes, and some hold what is no
  // number, infinite, so large that sums are, or so small that squares vanish.
  void fillInputs() {
    for (int64_t r = 0; r < shape.rows; ++r)
      for (int64_t k = 0; k < shape.inputs; ++k) {
        float x = random.real(),
              special[] = {
                  0, x, k < 2 ? 1.0f : 0.0f, k == 3 ? std::nanf("") : x, k == 5 ? kInfinity : x, x * 3e38f, x * 1e-25f};
        row(r)[k] = r % 16 < 7 ? special[r % 16] : x;
      }
  }
  static constexpr float kKeyScale = 1.0f / 127; ///< of s8

  void fillNeurons() {
    for (int64_t n = 0; n < spec.descent.rows.neurons; ++n) {
      fillKeys(n);
      fillValues(n);
    }
  }
  void fillKeys(int64_t n) {
    const cpu::NeuronRows &rows = spec.descent.rows;
    char *row = weights->data() + n * rows.rowBytes();
    double squares = 0, narrowSquares = 0, lacking = 0;
    for (int64_t k = 0; k < rows.inputs; ++k) {
      float x = k == 1 ? -keys[n * rows.inputs] : random.real(); // the first two are opposite
      float code = std::round(x / kKeyScale),
            u = shape.keys == RowNumber::S8 ? code * kKeyScale : rounded(x, shape.keys);
      keys.push_back(shape.exact ? x : u);
      narrow.push_back(u);
      store(row, k, shape.keys == RowNumber::S8 ? code : u, shape.keys);
      squares += double(keys.back()) * keys.back();
      narrowSquares += double(u) * u;
      lacking += double(keys.back() - u) * double(keys.back() - u);
      if (shape.exact)
        weights->floats(rows.exactOffset() + n * rows.exactBytes())[k] = x;
    }
    biases.push_back(shape.bias && n % 2 ? random.real() / 4 : 0);
    float *numbers = weights->floats(rows.numbersOffset() + n * cpu::NeuronRows::kNumbersBytes);
    numbers[cpu::NeuronRows::kBias / 4] = biases.back();
    numbers[cpu::NeuronRows::kNorm / 4] = norm(std::sqrt(narrowSquares) + std::sqrt(lacking) / rows.sumError());
    numbers[cpu::NeuronRows::kKeyScale / 4] = kKeyScale;
    if (shape.exact)
      *weights->floats(rows.exactOffset() + n * rows.exactBytes() + rows.exactNorm()) = norm(std::sqrt(squares));
  }
  static float norm(double length) { return std::nextafterf(static_cast<float>(length), kInfinity) + cpu::kLeastNorm; }
  void fillValues(int64_t n) {
    const cpu::NeuronRows &rows = spec.descent.rows;
    char *row = weights->data() + n * rows.rowBytes() + rows.valueOffset();
    for (int64_t m = 0; m < rows.outputs; ++m) {
      values.push_back(shape.values == RowNumber::S8 ? float(random.below(255) - 127)
                                                     : rounded(random.real(), shape.values));
      store(row, m, values.back(), shape.values);
    }
    weights->floats(rows.numbersOffset() + n * cpu::NeuronRows::kNumbersBytes)[cpu::NeuronRows::kValueScale / 4] =
        scaleOf(n);
  }
  static void store(char *row, int64_t i, float x, RowNumber format) {
    if (format == RowNumber::F32)
      reinterpret_cast<float *>(row)[i] = x;
    else if (format == RowNumber::Bf16)
      reinterpret_cast<uint16_t *>(row)[i] = test::toBf16(x);
    else
      row[i] = static_cast<char>(x);
  }
  static float scaleOf(int64_t n) { return static_cast<float>(1 + n % 3) / 128; }

  /// As the reference has it: four sums in f64.
  float number(int64_t r, int64_t n, const std::vector<float> &keys) const {
    double sums[4] = {0, 0, 0, 0};
    for (int64_t k = 0; k < shape.inputs; ++k)
      sums[k % 4] += double(row(r)[k]) * keys[n * shape.inputs + k];
    return static_cast<float>((sums[0] + sums[1]) + (sums[2] + sums[3]) + double(biases[n]));
  }
  struct Expected {
    std::vector<double> y, magnitudes; ///< the sums, and of magnitudes
    int64_t last = 0;                  ///< neuron of the last tree
  };
  Expected expected(int64_t r) const {
    Expected found{std::vector<double>(shape.outputs), std::vector<double>(shape.outputs), 0};
    int64_t nodes = (int64_t{1} << shape.levels) - 1;
    for (int64_t tree = 0; tree < shape.trees; ++tree)
      for (int64_t level = 0, node = 0; level < shape.levels; ++level) {
        int64_t n = tree * nodes + node;
        float a = number(r, n, keys), u = number(r, n, narrow);
        found.last = node;
        double factor = apply(shape.kind, u) * (shape.values == RowNumber::S8 ? scaleOf(n) : 1);
        // What the sum in f32 may be off, K / 16 + 6 roundings, moves the factor by as much at most (slopes are 1.2).
        // Sums that are infinite or no number are so in f32, too: functions that are finite there (ReLU) are exact.
        double length = lengthOfProducts(r, n);
        double off = std::isfinite(length) ? 1.2 * double(shape.inputs / 16 + 7) * 0x1p-24 * length : 0;
        for (int64_t m = 0; m < shape.outputs; ++m) {
          double value = values[n * shape.outputs + m] * (shape.values == RowNumber::S8 ? scaleOf(n) : 1);
          found.y[m] += apply(shape.kind, u) * value;
          found.magnitudes[m] += std::fabs(factor * values[n * shape.outputs + m]) + std::fabs(off * value) * 0x1p+20;
        }
        node = 2 * node + 1 + ((shape.tieRight ? a >= 0 : a > 0) ? 1 : 0);
      }
    return found;
  }
  double lengthOfProducts(int64_t r, int64_t n) const {
    double sum = 0;
    for (int64_t k = 0; k < shape.inputs; ++k)
      sum += std::fabs(double(row(r)[k]) * keys[n * shape.inputs + k]);
    return sum;
  }
};

using Trees = test::CompiledProblems<Problem, kShapes>;

class NeuronTree : public test::KernelTest<Trees> {
protected:
  static Memory run(const test::KernelHarness &harness, const Problem &problem, const std::vector<int64_t> &borders) {
    Memory out(problem.shape.rows * problem.spec.outStride);
    for (size_t i = 0; i + 1 < borders.size(); ++i)
      harness.call(problem.kernel, {*problem.in, *problem.weights, out, *problem.scratch, borders[i], borders[i + 1]});
    return out;
  }
};

// The last neuron of each token of the last block tells the whole way.
TEST_P(NeuronTree, WaysAreThoseOfSumsInDoublePrecision) {
  for (const auto &problem : library->problems)
    for (int64_t rows : {int64_t{1}, int64_t{15}, std::min<int64_t>(problem->shape.rows, problem->shape.mostTokens)}) {
      run(library->harness, *problem, {0, rows});
      const cpu::DescentSpec &descent = problem->spec.descent;
      if (descent.blockTokens() < rows)
        continue;        // scratch has the last block alone
      int64_t list = -1; // whichever has all tokens
      for (int64_t candidate : {0, 1}) {
        std::vector<int> seen(rows);
        const int32_t *tokens = problem->scratch->ints(descent.tokensOffset(candidate));
        for (int64_t i = 0; i < rows; ++i)
          if (tokens[i] >= 0 && tokens[i] < rows)
            ++seen[tokens[i]];
        bool right = std::all_of(seen.begin(), seen.end(), [](int count) { return count == 1; });
        for (int64_t i = 0; i < rows && right; ++i)
          right = problem->scratch->ints(descent.neuronsOffset(candidate))[i] == problem->expected(tokens[i]).last;
        if (right)
          list = candidate;
      }
      EXPECT_GE(list, 0) << "levels " << problem->shape.levels << " rows " << rows;
    }
}

TEST_P(NeuronTree, EqualsPlainLoops) {
  for (const auto &problem : library->problems) {
    Memory out = run(library->harness, *problem, {0, problem->shape.rows});
    for (int64_t r = 0; r < problem->shape.rows; ++r) {
      Problem::Expected expected = problem->expected(r);
      for (int64_t m = 0; m < problem->shape.outputs; ++m) {
        float y = out.floats(r * problem->spec.outStride)[m];
        // Sums in f32 are infinite where others are not yet.
        if (expected.magnitudes[m] < 1e37)
          ASSERT_NEAR(y, expected.y[m], expected.magnitudes[m] * 0x1p-20 + 1e-30)
              << "levels " << problem->shape.levels << " row " << r << " column " << m;
        else if (std::isnan(expected.y[m]) &&
                 problem->shape.kind != Activation::Tanh) // whose kernel makes a number of NaN
          ASSERT_FALSE(std::isfinite(y)) << "levels " << problem->shape.levels << " row " << r;
      }
    }
  }
}

TEST_P(NeuronTree, RowsMayBeDealtOutInAnyWay) {
  for (const auto &problem : library->problems) {
    int64_t rows = problem->shape.rows;
    Memory whole = run(library->harness, *problem, {0, rows});
    for (std::vector<int64_t> borders :
         {std::vector<int64_t>{0, 1, 3, 17, rows}, {0, rows / 2, rows}, {0, 16, rows - 1, rows}, {0, 8, 23, rows}}) {
      Memory parts = run(library->harness, *problem, borders);
      ASSERT_EQ(std::memcmp(whole.data(), parts.data(), static_cast<size_t>(whole.size())), 0)
          << "levels " << problem->shape.levels;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cpus, NeuronTree, testing::ValuesIn(test::distinct({"native", "x86-64", "x86-64-v3", "skylake-avx512", "znver5"})),
    test::nameOfCpu);
} // namespace
