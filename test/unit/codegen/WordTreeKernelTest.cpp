// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Softmaxes by a tree, for each CPU whose kernels differ: all logits against plain loops in f64, the score of each word
// against its logit, bit for bit: balanced trees, chains that are as deep as they have words, one node alone, more
// nodes than a panel has; scores that are great, infinite or no numbers.
#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/ranking/WordTree.h"
#include "test/unit/codegen/KernelHarness.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace lmopt;
using test::Memory;

namespace {

constexpr int64_t kRows = 5, kPaddedRows = 8;

struct Shape {
  int64_t words, inputs;
  bool chain, bias;
  cpu::WeightFormat format;
};

const Shape kShapes[] = {{2, 5, false, true, cpu::WeightFormat::F32},
                         {17, 16, true, false, cpu::WeightFormat::F32},
                         {100, 24, false, true, cpu::WeightFormat::F32},
                         {75, 33, true, true, cpu::WeightFormat::Bf16}};

struct Problem {
  Problem(const Shape &shape, uint64_t seed) : shape(shape), random(seed) {
    plant();
    exact = {nodes(), shape.inputs, shape.format, shape.bias, scoreBytes()};
    weights = std::make_unique<Memory>(exact.bytes());
    in = std::make_unique<Memory>(kPaddedRows * exact.inStride());
    fill(*weights, exact.bytes());
    fill(*in, kPaddedRows * exact.inStride());
    for (int64_t k = 0; k < shape.inputs; ++k)
      putInput(1, k, std::nanf(""));
    for (int64_t k = 0; k < shape.inputs; ++k)
      putInput(2, k, k == 0 ? 1e30f : 0); // scores beyond what exp takes
    for (int64_t k = 0; k < shape.inputs; ++k)
      putInput(3, k, 0); // scores that are biases, or 0
  }

  Shape shape;
  test::Random random;
  mlir::MLIRContext context;
  std::vector<int64_t> left, right;
  cpu::LinearSpec exact;
  cpu::TreeTables tables;
  std::unique_ptr<Memory> weights, in, packed;
  int product = 0, logits = 0, score = 0; ///< kernels

  int64_t nodes() const { return shape.words - 1; }
  int64_t scoreBytes() const { return cpu::floatRowBytes(nodes()); }

  /// A heap, or a chain that turns to either side by turns; words in an order of no meaning.
  void plant() {
    auto word = [&](int64_t i) { return (i * 7 + 3) % shape.words; };
    for (int64_t n = 0, next = 0; n < nodes(); ++n)
      for (bool toRight : {false, true}) {
        int64_t child = shape.chain ? (toRight == (n % 2 == 0) ? n + 1 : nodes()) : 2 * n + 1 + toRight;
        (toRight ? right : left).push_back(child < nodes() ? shape.words + child : word(next++));
      }
    context.loadDialect<lm::LMDialect, cpu::CpuDialect>();
    auto tree = lm::WordTreeAttr::get(&context, left, right);
    tables = cpu::treeTables(tree);
    std::vector<char> bytes(static_cast<size_t>(tables.bytes()));
    cpu::WordTreeAttr::get(&context, tree).pack({}, bytes);
    packed = std::make_unique<Memory>(tables.bytes());
    std::memcpy(packed->data(), bytes.data(), bytes.size());
  }

  void fill(Memory &memory, int64_t bytes) {
    if (shape.format == cpu::WeightFormat::Bf16)
      for (int64_t i = 0; i < bytes / 2; ++i)
        reinterpret_cast<uint16_t *>(memory.data())[i] = test::toBf16(random.real());
    else
      for (int64_t i = 0; i < bytes / 4; ++i)
        memory.floats(0)[i] = random.real();
  }
  void putInput(int64_t row, int64_t k, float x) {
    if (shape.format == cpu::WeightFormat::Bf16)
      reinterpret_cast<uint16_t *>(in->data() + row * exact.inStride())[k] = test::toBf16(x);
    else
      in->floats(row * exact.inStride())[k] = x;
  }

  cpu::TreeLogitsSpec logitsSpec() const { return {tables, 4 * shape.words}; }
  cpu::TreeScoreSpec scoreSpec() const { return {exact, tables, 4}; }

  void add(test::KernelHarness &harness) {
    product = harness.add(cpu::linearKernel(harness.library(), exact));
    logits = harness.add(cpu::treeLogitsKernel(harness.library(), logitsSpec()));
    score = harness.add(cpu::treeScoreKernel(harness.library(), scoreSpec()));
  }

  Memory scores(const test::KernelHarness &harness) const {
    Memory s(kPaddedRows * scoreBytes());
    harness.call(product, {*in, *weights, s, 0, kRows, 0, exact.panels()});
    return s;
  }
  Memory all(const test::KernelHarness &harness) const {
    Memory s = scores(harness), out(kPaddedRows * 4 * shape.words), scratch(logitsSpec().scratchBytes());
    harness.call(logits, {s, *packed, out, scratch, 0, kRows});
    return out;
  }
};

using WordTreeKernel = test::KernelTest<test::CompiledProblems<Problem, kShapes>>;

// exp and log are right to 3 ulp, each sum rounds once: of a way of d nodes of at most |s| each, d (6 |s| + 1) 2^-23;
// the longest has 99 nodes, and scores are at most some 20.
TEST_P(WordTreeKernel, LogitsAreTheDefinition) {
  for (const auto &problem : library->problems) {
    Memory s = problem->scores(library->harness), out = problem->all(library->harness);
    for (int64_t r = 0; r < kRows; ++r) {
      std::vector<double> logs(static_cast<size_t>(problem->shape.words + problem->nodes()));
      for (int64_t n = 0; n < problem->nodes(); ++n) {
        double x = s.floats(r * problem->scoreBytes())[n], above = logs[problem->shape.words + n];
        double toLeft = std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x)));
        logs[problem->left[n]] = above + toLeft;
        logs[problem->right[n]] = above + toLeft - x;
      }
      for (int64_t w = 0; w < problem->shape.words && r != 2; ++w) {
        float found = out.floats(r * 4 * problem->shape.words)[w];
        if (r == 1)
          ASSERT_TRUE(std::isnan(found));
        else
          ASSERT_NEAR(found, logs[w], 99 * (6 * 20 + 1) * 0x1p-23) << problem->shape.words << " words, row " << r;
      }
    }
  }
}

TEST_P(WordTreeKernel, ScoresAreTheLogitsOfTheirWords) {
  for (const auto &problem : library->problems) {
    Memory all = problem->all(library->harness), targets(4 * kPaddedRows), out(4 * kPaddedRows),
           scratch(problem->scoreSpec().scratchBytes());
    for (int64_t word = 0; word < problem->shape.words; ++word) {
      for (int64_t r = 0; r < kRows; ++r)
        targets.ints(0)[r] = int32_t((word + r) % problem->shape.words);
      library->harness.call(problem->score,
                            {*problem->in, *problem->weights, *problem->packed, targets, out, scratch, 0, kRows});
      for (int64_t r = 0; r < kRows; ++r) {
        float expected = all.floats(r * 4 * problem->shape.words)[targets.ints(0)[r]];
        if (std::isnan(expected))
          ASSERT_TRUE(std::isnan(out.floats(0)[r]));
        else
          ASSERT_EQ(out.floats(0)[r], expected) << problem->shape.words << " words, row " << r << ", word " << word;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cpus, WordTreeKernel,
    testing::ValuesIn(test::distinct({"native", "x86-64", "x86-64-v3", "skylake-avx512", "znver5"})), test::nameOfCpu);

} // namespace
