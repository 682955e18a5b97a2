// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The greatest logits on the interpreter against sorting: vocabularies of one block and several, of no round number;
// ties within lanes, warps, blocks and across them; NaN, infinities, both zeros, rows without a number; 1, several and
// as many as there are. What the runtime's sampler chooses of the same row is the first. And the step to the next
// token: list, token, position. Plain and strict.
#include "codegen/ptx/ranking/TopLogits.h"
#include "test/unit/codegen/ptx/KernelRun.h"

#include "lmopt/abi.h"
#include "lmopt/lmopt.h"

#include <cmath>
#include <random>

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::TopLogitsSpec;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Logits {
  size_t vocabulary, rows;
  std::vector<float> numbers;

  Logits(size_t vocabulary, size_t rows) : vocabulary(vocabulary), rows(rows), numbers(vocabulary * rows) {
    std::mt19937 random(7);
    std::normal_distribution<float> distribution;
    for (float &number : numbers)
      number = distribution(random);
  }
  float &at(size_t row, size_t token) { return numbers[row * vocabulary + token]; }
  const float *row(size_t row) const { return &numbers[row * vocabulary]; }

  std::vector<lmopt_device_top_t> greatest(size_t row, size_t top) const {
    std::vector<lmopt_device_top_t> pairs;
    for (size_t token = 0; token < vocabulary; ++token)
      if (this->row(row)[token] > -kInfinity)
        pairs.push_back({this->row(row)[token], int32_t(token)});
    std::sort(pairs.begin(), pairs.end(),
              [](auto &a, auto &b) { return a.logit > b.logit || (a.logit == b.logit && a.token < b.token); });
    pairs.resize(top, {-kInfinity, -1});
    return pairs;
  }
};

/// The very bits: -0 is not 0.
uint64_t bitsOf(const lmopt_device_top_t &pair) {
  uint64_t bits = 0;
  static_assert(sizeof pair == sizeof bits);
  std::memcpy(&bits, &pair, sizeof bits);
  return bits;
}

/// The lists of all blocks, which a kernel of its own makes.
std::vector<char> listsOf(const Logits &logits, int64_t top) {
  TopLogitsSpec spec = {int64_t(logits.vocabulary)};
  EmittedKernel kernel = emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return topListsKernel(kernels, spec); });
  size_t bytes = logits.rows * size_t(spec.blocks() * top * TopLogitsSpec::kKeyBytes);
  return run(kernel, {uint32_t(spec.blocks()), uint32_t(logits.rows), 1},
             {memory(logits.numbers), result(bytes), number(top)})
      .result;
}

struct Chosen {
  std::vector<uint64_t> pairs;
  std::vector<int32_t> list, tokens;
  std::vector<lmopt_device_row_t> rows;
};

Chosen choose(const Logits &logits, int64_t top, const std::vector<int32_t> &list) {
  TopLogitsSpec spec = {int64_t(logits.vocabulary)};
  EmittedKernel kernel = emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return topChooseKernel(kernels, spec); });
  std::vector<lmopt_device_row_t> rows(logits.rows, {1000, 41, 0, 0, 1, 0, 0});
  Finished finished =
      run(kernel, {uint32_t(logits.rows), 1, 1},
          {memory(listsOf(logits, top)), memory(logits.numbers),
           result(logits.rows * size_t(top) * sizeof(lmopt_device_top_t)), list.empty() ? number(0) : memory(list),
           memory(std::vector<int32_t>(logits.rows, 77)), memory(rows), number(top)});
  if (!finished.error.empty())
    return {};
  size_t next = list.empty() ? 3 : 4; // of the arguments that are memory
  return {as<uint64_t>(finished.result), list.empty() ? list : as<int32_t>(finished.memory[3]),
          as<int32_t>(finished.memory[next]), as<lmopt_device_row_t>(finished.memory[next + 1])};
}

void expectGreatest(const Logits &logits, int64_t top) {
  SCOPED_TRACE(testing::Message() << top << " of " << logits.vocabulary);
  Chosen chosen = choose(logits, top, {});
  std::vector<uint64_t> expected;
  for (size_t row = 0; row < logits.rows; ++row)
    for (const lmopt_device_top_t &pair : logits.greatest(row, size_t(top)))
      expected.push_back(bitsOf(pair));
  EXPECT_EQ(chosen.pairs, expected);
  EXPECT_EQ(chosen.tokens, std::vector<int32_t>(logits.rows, 77)); // without a list nothing is made ready
  EXPECT_EQ(chosen.rows[0].position, 41);
}

TEST(PtxTopLogits, EveryVocabularyAndCount) {
  for (size_t vocabulary : {1, 3, 97, 256, 2047, 2049, 5000})
    for (int64_t top : {1, 2, 40, 64})
      if (top <= int64_t(vocabulary))
        expectGreatest(Logits(vocabulary, 2), top);
  expectGreatest(Logits(70001, 1), 64); // 35 blocks: lanes have several lists
}

// The greatest are in one lane, in one warp, in one block, or first and last.
TEST(PtxTopLogits, WhereverTheyAre) {
  Logits logits(4500, 5);
  for (size_t i = 0; i < 8; ++i)
    logits.at(0, 300 + 32 * i) = 10 + float(i % 3);
  for (size_t i = 0; i < 64; ++i) {
    logits.at(1, 512 + i) = 20 - float(i);
    logits.at(2, 2048 + 31 * i) = 30 + float(i);
  }
  logits.at(3, 0) = logits.at(3, 4499) = 9;
  logits.at(4, 4499) = 8;
  for (int64_t top : {1, 7, 64})
    expectGreatest(logits, top);
}

TEST(PtxTopLogits, EqualOnesByToken) {
  Logits logits(4100, 4);
  for (size_t token = 0; token < 4100; ++token) {
    logits.at(0, token) = 1.5F;
    logits.at(1, token) = token % 2 ? 0.0F : -0.0F; // equal, and given back as they are
    logits.at(2, token) = float(token % 5);
    logits.at(3, token) = -kInfinity;
  }
  logits.at(3, 4000) = -3e38F;
  for (int64_t top : {1, 5, 64})
    expectGreatest(logits, top);
}

TEST(PtxTopLogits, NoNumbersAreNotAmongThem) {
  Logits logits(2100, 4);
  for (size_t token = 0; token < 2100; ++token) {
    logits.at(0, token) = token % 700 == 5 ? logits.at(0, token) : std::nanf("");
    logits.at(1, token) = token % 2 ? std::nanf("") : -kInfinity;
    logits.at(2, token) = token == 2099 ? kInfinity : token % 3 ? std::copysign(std::nanf(""), -1.0F) : -1e-40F;
    logits.at(3, token) = token == 1 ? -kInfinity : logits.at(3, token);
  }
  for (int64_t top : {1, 3, 64})
    expectGreatest(logits, top);
}

/// What the sampler of the runtime chooses when it is greedy; -1: it refuses.
int32_t sampled(const Logits &logits) {
  lmopt_sampler_t *sampler = nullptr;
  int32_t token = -1;
  EXPECT_EQ(lmopt_sampler_create(nullptr, int32_t(logits.vocabulary), &sampler, nullptr), LMOPT_OK);
  if (lmopt_sampler_sample(sampler, logits.row(0), &token, nullptr) != LMOPT_OK)
    token = -1;
  lmopt_sampler_destroy(sampler);
  return token;
}

void expectNext(const Logits &logits) {
  int32_t token = sampled(logits);
  Chosen chosen = choose(logits, 1, {2, 11, 12, 0, 0});
  EXPECT_EQ(chosen.list, (std::vector<int32_t>{3, 11, 12, token, 0}));
  EXPECT_EQ(chosen.tokens, std::vector<int32_t>{std::max(token, 0)});
  lmopt_device_row_t expected = {1000, 42, 0, 0, 1, 0, 0};
  EXPECT_EQ(std::memcmp(chosen.rows.data(), &expected, sizeof expected), 0);
}

TEST(PtxTopLogits, MakesTheNextStepReady) {
  for (size_t vocabulary : {1, 97, 5000})
    expectNext(Logits(vocabulary, 1));
  Logits logits(3000, 1);
  logits.at(0, 2500) = logits.at(0, 1200) = 50;
  logits.at(0, 0) = std::nanf("");
  expectNext(logits);
  logits.numbers.assign(3000, -0.0F);
  logits.at(0, 7) = 0;
  expectNext(logits);
  logits.numbers.assign(3000, std::nanf(""));
  expectNext(logits);
  logits.numbers.assign(3000, -kInfinity);
  expectNext(logits);
}

} // namespace
