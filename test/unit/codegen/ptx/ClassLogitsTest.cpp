// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Logits by classes of words on the interpreter, bit for bit what adding in the order of threads, lanes and warps
// gives, and near what f64 gives; classes of every size, words that are classes by themselves, scores of any size,
// infinities, rows that are padded. Plain and strict; a barrier less is found.
#include "codegen/ptx/ranking/ClassLogits.h"
#include "codegen/Functions.h"
#include "test/unit/codegen/ptx/HostEmitter.h"
#include "test/unit/codegen/ptx/KernelRun.h"

#include <array>
#include <cmath>
#include <numeric>
#include <random>

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::ClassTable;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// As class_sums adds: a thread what lies 256 numbers apart, then lanes in pairs, then warps.
float logSumExp(const float *numbers, size_t count) {
  HostEmitter e;
  float greatest = -kInfinity;
  for (size_t i = 0; i < count; ++i)
    greatest = greatest < numbers[i] ? numbers[i] : greatest;
  std::array<float, 256> sums = {};
  for (size_t i = 0; i < count; ++i)
    sums[i % 256] +=
        HostEmitter::number(functions::exp(e, e.sub(HostEmitter::of(numbers[i]), HostEmitter::of(greatest))));
  for (size_t mask : {16, 8, 4, 2, 1}) {
    std::array<float, 256> before = sums;
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] = before[i] + before[i ^ mask];
  }
  float sum = sums[0];
  for (size_t warp = 1; warp < 8; ++warp)
    sum += sums[32 * warp];
  return HostEmitter::number(e.add(HostEmitter::of(greatest), functions::log(e, HostEmitter::of(sum))));
}

double exactly(const float *numbers, size_t count) {
  double greatest = *std::max_element(numbers, numbers + count), sum = 0;
  for (size_t i = 0; i < count; ++i)
    sum += std::exp(numbers[i] - greatest);
  return greatest + std::log(sum);
}

struct Problem {
  ClassTable table;
  std::vector<int64_t> words, sizes;
  size_t rows, productWidth, scoreWidth;
  std::vector<float> products, scores;

  Problem(std::vector<int64_t> sizesOfClasses, size_t rows, float size) : sizes(std::move(sizesOfClasses)), rows(rows) {
    table.words = std::accumulate(sizes.begin(), sizes.end(), int64_t(0));
    table.classes = int64_t(sizes.size());
    table.singles = std::count(sizes.begin(), sizes.end(), 1);
    words.resize(size_t(table.words));
    std::iota(words.begin(), words.end(), 0);
    std::mt19937 random(unsigned(table.words));
    std::shuffle(words.begin(), words.end(), random);
    productWidth = size_t(nvptx::rowBytes(table.sharing(), 4)) / 4;
    scoreWidth = size_t(nvptx::rowBytes(table.classes, 4)) / 4;
    std::normal_distribution<float> normal(0, size);
    for (size_t i = 0; i < rows * productWidth; ++i)
      products.push_back(normal(random));
    for (size_t i = 0; i < rows * scoreWidth; ++i)
      scores.push_back(normal(random));
  }

  /// Calls a function with each word of a row: its number, its product or null, its class's first product, their count,
  /// the class.
  template <class Body>
  void eachWord(size_t row, const Body &body) const {
    const float *first = &products[row * productWidth];
    size_t place = 0;
    for (size_t group = 0; group < sizes.size(); ++group) {
      auto size = size_t(sizes[group]);
      for (size_t i = 0; i < size; ++i)
        body(size_t(words[place + i]), size > 1 ? first + i : nullptr, first, size, group);
      place += size;
      first += size > 1 ? size : 0;
    }
  }
  const float *scoresOf(size_t row) const { return &scores[row * scoreWidth]; }

  std::vector<float> expected(size_t row) const {
    std::vector<float> logits(size_t(table.words));
    float total = logSumExp(scoresOf(row), sizes.size());
    eachWord(row, [&](size_t word, const float *z, const float *first, size_t size, size_t group) {
      volatile float chance = scoresOf(row)[group] - total, share = z ? *z - logSumExp(first, size) : 0;
      logits[word] = z ? (0 < share ? 0 : share) + chance : chance;
    });
    return logits;
  }
  void expectNear(size_t row, const std::vector<float> &logits) const {
    double total = exactly(scoresOf(row), sizes.size()), all = 0;
    eachWord(row, [&](size_t word, const float *z, const float *first, size_t size, size_t group) {
      double share = z ? std::min(*z - exactly(first, size), 0.0) : 0, logit = share + scoresOf(row)[group] - total;
      // Four roundings of numbers of this size, two logarithms that are 4 ulp of theirs off.
      double scale = std::fabs(share) + std::fabs(logit) + std::fabs(total) + (z ? std::fabs(*z) : 0) + 1;
      EXPECT_NEAR(logits[word], logit, std::ldexp(scale, -20)) << "word " << word;
      all += std::exp(double(logits[word]));
    });
    EXPECT_NEAR(all, 1, 1e-3);
  }
};

std::vector<char> sumsOf(const Problem &problem, const EmittedKernel &kernel, std::optional<uint64_t> seed = {}) {
  std::vector<Argument> arguments = {memory(problem.products), memory(problem.scores),
                                     memory(packClasses(problem.table, problem.words, problem.sizes)),
                                     result(problem.rows * size_t(problem.table.sumsBytes()))};
  std::array<uint32_t, 3> grid = {uint32_t(1 + problem.table.shared()), uint32_t(problem.rows), 1};
  Finished finished = seed ? runOnce(kernel, grid, arguments, seed) : run(kernel, grid, arguments);
  return finished.error.empty() ? finished.result : std::vector<char>();
}
EmittedKernel sumsKernel(const Problem &problem) {
  return emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return classSumsKernel(kernels, problem.table); });
}

std::vector<float> logitsOf(const Problem &problem, int64_t stride) {
  EmittedKernel kernel =
      emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return classLogitsKernel(kernels, problem.table, stride); });
  std::vector<Argument> arguments = {memory(problem.products), memory(problem.scores),
                                     memory(packClasses(problem.table, problem.words, problem.sizes)),
                                     memory(sumsOf(problem, sumsKernel(problem))),
                                     result(problem.rows * size_t(stride))};
  return as<float>(
      run(kernel, {uint32_t(nvptx::classLogitsBlocks(stride)), uint32_t(problem.rows), 1}, arguments).result);
}

bool isSame(float a, float b) { return std::memcmp(&a, &b, 4) == 0 || (std::isnan(a) && std::isnan(b)); }

void expectBits(const Problem &problem, int64_t stride) {
  std::vector<float> found = logitsOf(problem, stride);
  ASSERT_EQ(found.size() * 4, problem.rows * size_t(stride));
  for (size_t row = 0; row < problem.rows; ++row) {
    std::vector<float> expected = problem.expected(row);
    expected.resize(size_t(stride) / 4, 0);
    for (size_t i = 0; i < expected.size(); ++i)
      ASSERT_TRUE(isSame(found[row * expected.size() + i], expected[i])) << "row " << row << ", " << i;
  }
}

void expectRight(const Problem &problem) {
  SCOPED_TRACE(std::to_string(problem.table.words) + " words");
  expectBits(problem, 4 * problem.table.words);
  expectBits(problem, nvptx::rowBytes(problem.table.words, 4));
  std::vector<float> found = logitsOf(problem, 4 * problem.table.words);
  for (size_t row = 0; row < problem.rows; ++row) {
    auto begin = found.begin() + std::ptrdiff_t(row * size_t(problem.table.words));
    problem.expectNear(row, {begin, begin + std::ptrdiff_t(problem.table.words)});
  }
}

TEST(PtxClassLogits, ClassesOfEverySize) {
  for (float size : {0.1F, 3.0F, 30.0F}) {
    expectRight({{2}, 2, size});
    expectRight({{1, 3, 2, 31}, 3, size});
    expectRight({{1, 1, 1, 1, 1, 1, 1, 1, 1, 256, 257}, 2, size});
  }
  std::vector<int64_t> many(300, 1);
  many.insert(many.end(), {2100, 2, 2047});
  expectRight({many, 2, 4});
}

TEST(PtxClassLogits, WhatIsNoNumberIsNone) {
  Problem problem({1, 40, 3}, 5, 2);
  problem.products[3] = kInfinity;
  problem.products[problem.productWidth + 41] = -kInfinity;
  problem.scores[2 * problem.scoreWidth + 1] = kInfinity;
  problem.scores[3 * problem.scoreWidth] = -kInfinity;
  problem.products[4 * problem.productWidth] = std::nanf("");
  expectBits(problem, 4 * problem.table.words);
}

TEST(PtxClassLogits, BarriersAreNeeded) {
  Problem problem({1, 700, 900}, 2, 2);
  EmittedKernel kernel = sumsKernel(problem), mutated = kernel;
  std::vector<char> right = sumsOf(problem, kernel);
  size_t count = 0;
  for (size_t at = kernel.text.find("bar.sync"); at != std::string::npos; at = kernel.text.find("bar.sync", at + 1)) {
    mutated.text = std::string(kernel.text).insert(at, "// ");
    bool isFound = false;
    for (uint64_t seed : {1, 2, 3})
      isFound = isFound || sumsOf(problem, mutated, seed) != right;
    EXPECT_TRUE(isFound) << "barrier " << count;
    ++count;
  }
  EXPECT_EQ(count, 2);
}

} // namespace
