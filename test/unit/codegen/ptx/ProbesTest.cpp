// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the probes compute is what they claim to: all of memory is read and copied, every product is made, none is left
// out. Rates are for cards; counts and results are the interpreter's.
#include "codegen/ptx/probes/Probes.h"
#include "test/unit/codegen/ptx/KernelRun.h"
#include "test/unit/codegen/ptx/Ptxas.h"

#include <numeric>
#include <random>

using namespace lmopt;
using namespace lmopt::kerneltest;
using namespace lmopt::nvptx;

namespace {

constexpr uint32_t kBlocks = 3;

EmittedKernel probe(const std::string &name, const std::string &chip = "sm_80") {
  return emit(chip, [&](KernelLibrary &kernels) {
    defineProbes(kernels);
    return name;
  });
}

std::vector<uint32_t> randomWords(size_t count) {
  std::mt19937 random(7);
  std::vector<uint32_t> words(count);
  for (uint32_t &word : words)
    word = random();
  return words;
}

TEST(PtxProbes, ReadsAllOfMemoryOnce) {
  constexpr int64_t kTurns = 3, kThreads = kBlocks * kProbeThreads;
  std::vector<uint32_t> in = randomWords(kTurns * kProbePieces * kThreads * 4);
  Finished done = run(probe("probe_read"), {kBlocks, 1, 1},
                      {memory(in), result(4 * kThreads), number(kTurns), number(kThreads)});
  std::vector<uint32_t> out = as<uint32_t>(done.result);
  EXPECT_EQ(std::accumulate(out.begin(), out.end(), 0U, std::bit_xor<>()),
            std::accumulate(in.begin(), in.end(), 0U, std::bit_xor<>()));
  EXPECT_EQ(done.counters.globalLoadBytes, in.size() * 4);
  EXPECT_EQ(done.counters.globalLoadSectors * 32, in.size() * 4); // each request full
}

TEST(PtxProbes, CopiesAllOfMemory) {
  constexpr int64_t kTurns = 2, kThreads = kBlocks * kProbeThreads;
  std::vector<uint32_t> in = randomWords(kTurns * kProbePieces * kThreads * 4);
  Finished done = run(probe("probe_copy"), {kBlocks, 1, 1},
                      {memory(in), result(4 * in.size()), number(kTurns), number(kThreads)});
  EXPECT_EQ(as<uint32_t>(done.result), in);
}

TEST(PtxProbes, MultipliesAndAdds) {
  constexpr int64_t kTurns = 5;
  const std::vector<float> in = {0.75F, 2.5F};
  float expected = 0;
  for (int64_t i = 0; i < kProbeFmas; ++i) {
    auto x = static_cast<float>(i);
    for (int64_t turn = 0; turn < kTurns; ++turn)
      x = std::fma(x, in[0], in[1]);
    expected += x;
  }
  Finished done =
      run(probe("probe_fma_f32"), {1, 1, 1}, {memory(in), result(4 * kProbeThreads), number(kTurns)});
  EXPECT_EQ(as<float>(done.result), std::vector<float>(kProbeThreads, expected));
}

/// The sum over all chains of what one product of a chain gives in row `row`, column `column`, by `value`, which reads
/// an operand's element.
template <typename T, typename ReadA, typename ReadB>
T productOf(int64_t row, int64_t column, int64_t depth, ReadA readA, ReadB readB) {
  T sum = 0;
  for (int64_t chain = 0; chain < kProbeChains; ++chain)
    for (int64_t k = 0; k < depth; ++k)
      sum += readA(row, k) * readB(chain, k, column);
  return sum;
}

// Where an operand's byte lies (Fragments.h): of A lane 4 g + t holds rows g and g + 8, of B column g.
int64_t byteOfA(int64_t row, int64_t byte) {
  return 16 * (4 * (row % 8) + byte % 16 / 4) + 8 * (byte / 16) + 4 * (row / 8) + byte % 4;
}
int64_t byteOfB(int64_t chain, int64_t byte, int64_t column) {
  return 512 + 256 * chain + 8 * (4 * column + byte % 16 / 4) + 4 * (byte / 16) + byte % 4;
}
/// The row and column that word `word` of a lane's result belongs to.
std::pair<int64_t, int64_t> placeOf(int64_t lane, int64_t word) {
  return {lane / 4 + 8 * (word / 2), 2 * (lane % 4) + word % 2};
}

TEST(PtxProbes, MultipliesCodesInAllChains) {
  constexpr int64_t kTurns = 3;
  std::vector<uint32_t> words = randomWords(kProbeOperandBytes / 4);
  const auto *bytes = reinterpret_cast<const uint8_t *>(words.data());
  Finished done =
      run(probe("probe_mma_u8s8"), {kBlocks, 1, 1}, {memory(words), result(16 * kBlocks * kProbeThreads), number(kTurns)});
  std::vector<int32_t> out = as<int32_t>(done.result);
  for (int64_t thread = 0; thread < kBlocks * kProbeThreads; ++thread)
    for (int64_t word = 0; word < 4; ++word) {
      auto [row, column] = placeOf(thread % 32, word);
      int32_t one = productOf<int32_t>(
          row, column, 32, [&](int64_t r, int64_t k) { return int32_t(int8_t(bytes[byteOfA(r, k)])); },
          [&](int64_t c, int64_t k, int64_t n) { return int32_t(bytes[byteOfB(c, k, n)]); });
      ASSERT_EQ(out[4 * thread + word], kTurns * one) << "thread " << thread << ", word " << word;
    }
  EXPECT_EQ(done.counters.matrixInstructions, uint64_t(kBlocks * kTurns * kProbeChains * kProbeThreads / 32));
}

TEST(PtxProbes, MultipliesBf16InAllChains) {
  constexpr int64_t kTurns = 2;
  std::vector<uint16_t> halves(kProbeOperandBytes / 2); // small whole numbers: every sum is exact
  for (size_t i = 0; i < halves.size(); ++i) {
    auto number = static_cast<float>(int(i * 7 % 9) - 4);
    uint32_t bits;
    std::memcpy(&bits, &number, 4);
    halves[i] = static_cast<uint16_t>(bits >> 16);
  }
  auto at = [&](int64_t byte) { return float(int(size_t(byte) / 2 * 7 % 9) - 4); };
  Finished done =
      run(probe("probe_mma_bf16"), {1, 1, 1}, {memory(halves), result(16 * kProbeThreads), number(kTurns)});
  std::vector<float> out = as<float>(done.result);
  for (int64_t thread = 0; thread < kProbeThreads; ++thread)
    for (int64_t word = 0; word < 4; ++word) {
      auto [row, column] = placeOf(thread % 32, word);
      auto one = productOf<float>(
          row, column, 16, [&](int64_t r, int64_t k) { return at(byteOfA(r, 2 * k)); },
          [&](int64_t c, int64_t k, int64_t n) { return at(byteOfB(c, 2 * k, n)); });
      ASSERT_EQ(out[4 * thread + word], kTurns * one) << "thread " << thread << ", word " << word;
    }
}

/// A row of a tile in shared memory as wgmma sees it: pieces of 16 bytes at piece xor row mod 8.
int64_t byteOfTile(int64_t row, int64_t byte) { return 128 * row + 16 * (byte / 16 ^ row % 8) + byte % 16; }

TEST(PtxProbes, WarpGroupsMultiplyCodes) {
  constexpr int64_t kTurns = 2;
  std::vector<uint32_t> words = randomWords(kProbeTileBytes / 4);
  const auto *bytes = reinterpret_cast<const uint8_t *>(words.data());
  Finished done = run(probe("probe_wgmma_s8s8", "sm_90a"), {2, 1, 1},
                      {memory(words), result(4 * 2 * kWarpGroupThreads), number(kTurns)});
  std::vector<int32_t> out = as<int32_t>(done.result);
  // A thread holds two rows (as in mma.sync), and of each two columns of every eight; their sum is stored.
  for (int64_t thread = 0; thread < 2 * kWarpGroupThreads; ++thread) {
    int64_t lane = thread % 32, warp = thread % kWarpGroupThreads / 32;
    int32_t sum = 0;
    for (int64_t row : {16 * warp + lane / 4, 16 * warp + lane / 4 + 8})
      for (int64_t k = 0; k < 128; ++k) {
        int32_t columns = 0;
        for (int64_t column = 0; column < 256; ++column)
          columns += column % 8 / 2 == lane % 4 ? int8_t(bytes[64 * 128 + byteOfTile(column, k)]) : 0;
        sum += int32_t(int8_t(bytes[byteOfTile(row, k)])) * columns;
      }
    ASSERT_EQ(out[thread], kTurns * sum) << "thread " << thread;
  }
  EXPECT_EQ(done.counters.opcodes.at("wgmma.mma_async.sync.aligned.m64n256k32.s32.s8.s8").warps,
            uint64_t(2 * 4 * kTurns * kProbeTileProducts));
}

TEST(PtxProbes, WarpGroupsMultiplyBf16) {
  std::vector<uint16_t> halves(kProbeTileBytes / 2, 0x3f80); // ones
  Finished done = run(probe("probe_wgmma_bf16", "sm_90a"), {1, 1, 1},
                      {memory(halves), result(4 * kWarpGroupThreads), number(1)});
  // 128 sums of 64 products.
  EXPECT_EQ(as<float>(done.result), std::vector<float>(kWarpGroupThreads, 128 * 64));
}

TEST(PtxProbes, BlocksMeetEachTurn) {
  constexpr int64_t kTurns = 5;
  EmittedKernel kernel = probe("probe_barrier");
  for (std::optional<uint64_t> seed : {std::optional<uint64_t>(), {1}, {2}, {3}}) {
    Finished done = runOnce(kernel, {kBlocks, 1, 1}, {memory(std::vector<uint32_t>{0}), number(kTurns), number(kBlocks)},
                            seed, /*isCooperative=*/true);
    EXPECT_EQ(done.error, "");
    EXPECT_EQ(done.counters.atomics, uint64_t(kTurns * kBlocks)); // arrivals
  }
}

// A probe that spills, or whose products wait for one another (C75xx), measures something else.
TEST(PtxProbes, AreWhatPtxasTakes) {
  if (ptxas().empty())
    GTEST_SKIP() << "no ptxas; name one by LMOPT_PTXAS (script/setup says where to get it)";
  for (auto [chip, architecture] : {std::pair("sm_80", "sm_80"), {"sm_80", "sm_120"}, {"sm_90a", "sm_90a"}}) {
    Resources found = assemble(probe("probe_empty", chip).text, architecture);
    EXPECT_TRUE(found.isTaken) << architecture << "\n" << found.log;
    EXPECT_FALSE(std::regex_search(found.log, std::regex("[1-9][0-9]* bytes spill|C75"))) << found.log;
  }
}

TEST(PtxProbes, NothingIsNothing) {
  Finished done = run(probe("probe_empty"), {kBlocks, 1, 1}, {result(4)});
  EXPECT_EQ(done.counters.warpInstructions, uint64_t(kBlocks * kProbeThreads / 32)); // ret
}

} // namespace
