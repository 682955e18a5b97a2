// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The greatest logits by classes of words, opened in two rounds, on the interpreter, launch by launch: those of all
// logits, bit for bit, from products in f32 and 8 bits, with classes of one word, more wanted than classes there are,
// scores that are no numbers; few classes are opened where few are likely. Without the second round words are missed.
// Plain and strict.
#include "codegen/ptx/ranking/OpenedClasses.h"
#include "codegen/ptx/linear/LinearDecode.h"
#include "test/unit/codegen/ptx/GreatestRun.h"
#include "test/unit/codegen/ptx/LinearTileRun.h"

#include <numeric>

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::ClassTable;
using nvptx::LinearDecodeSpec;
using nvptx::MarkedBlock;
using nvptx::OpenedSpec;
using nvptx::TopLogitsSpec;

namespace {

struct Problem {
  std::vector<int64_t> sizes, words;
  OpenedSpec spec;
  LinearProblem linear;
  size_t rows;
  std::vector<float> scores;
  std::vector<char> table;

  Problem(const std::vector<int64_t> &sizes, int64_t inputs, WeightFormat format, int64_t rowCount, float spread)
      : sizes(sizes), spec(specOf(sizes)), linear({spec.table.sharing(), inputs, format, true}, rowCount),
        rows(size_t(rowCount)) {
    words.resize(size_t(spec.table.words));
    std::iota(words.begin(), words.end(), 0);
    std::mt19937 random(2);
    std::shuffle(words.begin(), words.end(), random);
    table = packClasses(spec.table, words, sizes);
    std::normal_distribution<float> normal(0, spread);
    for (size_t i = 0; i < rows * scoreWidth(); ++i)
      scores.push_back(normal(random));
  }
  static OpenedSpec specOf(const std::vector<int64_t> &sizes) {
    ClassTable table = {std::accumulate(sizes.begin(), sizes.end(), int64_t(0)), int64_t(sizes.size()),
                        std::count(sizes.begin(), sizes.end(), 1)};
    return {table, 4 * table.words};
  }
  size_t scoreWidth() const { return size_t(nvptx::rowBytes(spec.table.classes, 4)) / 4; }
  size_t wordCount() const { return size_t(spec.table.words); }
};

class Run {
public:
  explicit Run(const Problem &problem, int64_t top)
      : problem(problem), spec(problem.spec), top(top), products(bytes(spec.productBytes()), 0x5a),
        sums(bytes(spec.table.sumsBytes()), 0x5a), logits(bytes(spec.outStride), 0x5a) {}

  std::vector<float> all() {
    multiply({});
    sums = launch([&](auto &kernels) { return classSumsKernel(kernels, spec.table); }, 1 + spec.table.shared(),
                  {memory(products), memory(problem.scores), memory(problem.table), memory(sums)})
               .memory[3];
    return as<float>(
        launch([&](auto &kernels) { return classLogitsKernel(kernels, spec.table, spec.outStride); },
               nvptx::classLogitsBlocks(spec.outStride),
               {memory(products), memory(problem.scores), memory(problem.table), memory(sums), memory(logits)})
            .memory[4]);
  }

  std::vector<float> greatest(bool secondRound = true) {
    std::vector<char> flags(bytes(4 * spec.table.classes), 0x5a), marks(marksBytes(), 0x5a);
    Finished likely = launch([&](auto &kernels) { return likelyMarksKernel(kernels, spec); }, spec.blocks(),
                             {memory(problem.scores), lists(spec.scores(), memory(problem.scores)),
                              memory(problem.table), memory(flags), memory(marks), number(top)});
    round(likely.memory[3], likely.memory[4], 1);
    if (!secondRound)
      return as<float>(logits);
    Finished left =
        launch([&](auto &kernels) { return leftMarksKernel(kernels, spec); }, spec.blocks(),
               {memory(problem.scores), lists(spec.logits(), memory(logits)), memory(problem.table), memory(flags),
                memory(marks), number(top), memory(sums), memory(logits), memory(likely.memory[3])});
    round(left.memory[3], left.memory[4], 2);
    return as<float>(logits);
  }

private:
  const Problem &problem;
  const OpenedSpec &spec;
  int64_t top;
  std::vector<char> products, sums, logits;

  size_t bytes(int64_t ofRow) const { return problem.rows * size_t(ofRow); }
  size_t marksBytes() const { return bytes(MarkedBlock::bytesOf(spec.table.sharing())); }

  Finished launch(const std::function<std::string(nvptx::KernelLibrary &)> &define, int64_t blocks,
                  const std::vector<Argument> &arguments) {
    return kerneltest::launch(define, blocks, problem.rows, arguments);
  }
  Argument lists(const TopLogitsSpec &of, const Argument &numbers) {
    return memory(listsOf(of, numbers, problem.rows, top));
  }
  /// `marks`: none: of all.
  void multiply(const std::vector<char> &marks) {
    LinearDecodeSpec linear = {problem.linear.spec, 8};
    linear.marked = !marks.empty();
    std::vector<Argument> arguments = argumentsOf(problem.linear, spec.productBytes());
    size_t place = arguments.size() - 3;
    arguments[place] = memory(products);
    if (linear.marked)
      arguments.push_back(memory(marks));
    products =
        launch([&](auto &kernels) { return linearDecodeKernel(kernels, linear); }, linear.linear.tiles(), arguments)
            .memory[place];
  }
  void round(const std::vector<char> &opened, const std::vector<char> &marks, int64_t when) {
    multiply(marks);
    sums = launch([&](auto &kernels) { return classSumsKernel(kernels, spec.table, true); }, 1 + spec.table.shared(),
                  {memory(products), memory(problem.scores), memory(problem.table), memory(sums), memory(opened),
                   number(when)})
               .memory[3];
    logits = launch([&](auto &kernels) { return classLogitsKernel(kernels, spec.table, spec.outStride, true); },
                    nvptx::classLogitsBlocks(spec.outStride),
                    {memory(products), memory(problem.scores), memory(problem.table), memory(sums), memory(logits),
                     memory(opened)})
                 .memory[4];
  }
};

Compared compare(const Problem &problem, int64_t top, bool secondRound = true) {
  std::vector<float> found = Run(problem, top).greatest(secondRound);
  EXPECT_EQ(found.size(), problem.rows * problem.wordCount());
  return compareRows(found, Run(problem, top).all(), problem.wordCount(), top);
}

std::vector<int64_t> classes(int64_t singles, int64_t shared) {
  std::vector<int64_t> sizes(size_t(singles), 1);
  for (int64_t i = 0; i < shared; ++i)
    sizes.push_back(2 + i * 7 % 40);
  return sizes;
}

TEST(PtxOpenedClasses, TheGreatestOfAllLogits) {
  for (int64_t top : {1, 40}) {
    Compared floats = compare(Problem(classes(0, 120), 24, WeightFormat::F32, 2, 4), top);
    EXPECT_TRUE(floats.isRight) << top;
    EXPECT_LT(floats.share, top == 1 ? 0.2 : 0.8);
    // Products of codes are so far apart here that one word has all of its class, and 40 are wanted of all classes.
    Compared codes = compare(Problem(classes(0, 120), 24, WeightFormat::S8Rows, 2, 4), top);
    EXPECT_TRUE(codes.isRight) << top;
    if (top == 1)
      EXPECT_LT(codes.share, 0.2);
  }
}

TEST(PtxOpenedClasses, ClassesOfOneWord) {
  for (int64_t singles : {1, 700}) {
    EXPECT_TRUE(compare(Problem(classes(singles, 3), 24, WeightFormat::F32, 2, 2), 5).isRight) << singles;
    EXPECT_TRUE(compare(Problem(classes(singles, 5), 24, WeightFormat::F32, 2, 2), 64).isRight) << singles;
  }
}

TEST(PtxOpenedClasses, ScoresThatAreNoNumbers) {
  Problem problem(classes(2, 9), 24, WeightFormat::F32, 4, 2);
  problem.scores[5] = std::nanf("");
  for (size_t i = 0; i < 10; ++i)
    problem.scores[problem.scoreWidth() + i] = -kInfinity;
  problem.scores[2 * problem.scoreWidth() + 4] = -kInfinity;
  problem.scores[3 * problem.scoreWidth() + 6] = kInfinity;
  for (int64_t top : {1, 30})
    EXPECT_TRUE(compare(problem, top).isRight) << top;
}

TEST(PtxOpenedClasses, TheSecondRoundIsNeeded) {
  Problem problem(classes(0, 60), 24, WeightFormat::F32, 8, 0.3F);
  EXPECT_FALSE(compare(problem, 1, /*secondRound=*/false).isRight);
  EXPECT_TRUE(compare(problem, 1).isRight);
}

} // namespace
