// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole kernels as LLVM 22 emits them (test/ptx/kernels): products of s8 weights and u8 rows, for decode (mma.sync,
// weights straight to registers), as a tile (cp.async, ldmatrix, mma.sync) and as a tile of Hopper's (bulk copies,
// mbarriers, wgmma). Their numbers must be those of plain loops bit for bit, plain and strict; and mutations of them
// must be found, by the rules or by the numbers: they are the test of the tests.
#include "test/ptx/unit/TestKernel.h"

#include <fstream>
#include <random>
#include <sstream>

using namespace lmopt::ptx;

namespace {
/// y[t][n] = float(sum_k x[t][k] w[n][k] - zero[t] sum_k w[n][k]) * (scaleW[n] * scaleX[t])
struct Problem {
  uint32_t outputs, inputs, rows, paddedRows;
  std::vector<int8_t> w;
  std::vector<uint8_t> x;
  std::vector<float> scaleW, scaleX;
  std::vector<int32_t> sumW, zero;

  Problem(uint32_t outputs, uint32_t inputs, uint32_t rows, uint32_t paddedRows)
      : outputs(outputs), inputs(inputs), rows(rows), paddedRows(paddedRows), w(size_t(outputs) * inputs),
        x(size_t(paddedRows) * inputs), scaleX(paddedRows), zero(paddedRows) {
    std::mt19937 random(outputs + inputs);
    for (int8_t &value : w)
      value = static_cast<int8_t>(random());
    for (size_t i = 0; i < size_t(rows) * inputs; ++i)
      x[i] = static_cast<uint8_t>(random());
    for (uint32_t n = 0; n < outputs; ++n) {
      scaleW.push_back(static_cast<float>(random() % 1000) * 1e-5f);
      sumW.push_back(0);
      for (uint32_t k = 0; k < inputs; ++k)
        sumW.back() += w[n * inputs + k];
    }
    for (uint32_t t = 0; t < rows; ++t) {
      scaleX[t] = static_cast<float>(random() % 1000) * 1e-5f;
      zero[t] = static_cast<int32_t>(random() % 256);
    }
  }

  float expected(uint32_t t, uint32_t n) const {
    int32_t sum = 0;
    for (uint32_t k = 0; k < inputs; ++k)
      sum += x[size_t(t) * inputs + k] * w[size_t(n) * inputs + k];
    return static_cast<float>(sum - zero[t] * sumW[n]) * (scaleW[n] * scaleX[t]);
  }

  /// [outputs / 16][inputs / 32][lane = 4 g + t][row half, then 16-byte half][4]: one operand of mma is 512 bytes.
  std::vector<int8_t> fragments() const {
    std::vector<int8_t> result;
    for (uint32_t tile = 0; tile < outputs / 16; ++tile)
      for (uint32_t slice = 0; slice < inputs / 32; ++slice)
        for (uint32_t lane = 0; lane < 32; ++lane)
          for (uint32_t q = 0; q < 4; ++q)
            for (uint32_t byte = 0; byte < 4; ++byte)
              result.push_back(
                  w[(tile * 16 + lane / 4 + 8 * (q & 1)) * inputs + slice * 32 + 16 * (q / 2) + 4 * (lane % 4) + byte]);
    return result;
  }

  /// [inputs / 128][rows][128], the 16-byte chunk c of row r at c xor (r & 7).
  std::vector<uint8_t> swizzledRows() const {
    std::vector<uint8_t> result(x.size());
    for (uint32_t t = 0; t < paddedRows; ++t)
      for (uint32_t k = 0; k < inputs; ++k)
        result[size_t(k / 128) * paddedRows * 128 + t * 128 + ((k % 128 / 16) ^ (t & 7)) * 16 + k % 16] =
            x[size_t(t) * inputs + k];
    return result;
  }
};

struct KernelCase {
  const char *file;
  uint32_t outputs, inputs, rows, paddedRows;
  uint32_t gridX, gridY, threads, dynamicShared;
  bool isSwizzled;
};
constexpr KernelCase kDecode = {"decode_u8s8", 64, 512, 5, 8, 4, 1, 256, 8 * 512, false};
constexpr KernelCase kTile = {"tile_u8s8", 128, 192, 70, 128, 2, 2, 256, 24576, false};
constexpr KernelCase kWgmma = {"wgmma_u8s8", 128, 512, 50, 64, 1, 2, 288, 2 * (16384 + 4096) + 32, true};

std::string readKernel(const char *name) {
  std::ifstream file(std::string(LMOPT_PTX_KERNELS) + "/" + name + ".ptx");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

struct Outcome {
  std::string error;
  size_t wrong = 0; // numbers
  Counters counters;
  bool isClean() const { return error.empty() && wrong == 0; }
};

Outcome runText(const KernelCase &c, const std::string &text, const DeviceOptions &options) {
  Problem problem(c.outputs, c.inputs, c.rows, c.paddedRows);
  Device device(options);
  Buffer<int8_t> w(device, problem.fragments());
  Buffer<float> scaleW(device, problem.scaleW), scaleX(device, problem.scaleX),
      y(device, size_t(c.rows) * c.outputs, false);
  Buffer<int32_t> sumW(device, problem.sumW), zero(device, problem.zero);
  Buffer<uint8_t> x(device, c.isSwizzled ? problem.swizzledRows() : problem.x);
  Arguments arguments;
  arguments << w << scaleW << sumW << x << scaleX << zero << y << c.rows << c.paddedRows;
  Outcome outcome;
  auto module = parseModule(text);
  if (!module.ok())
    return {module.error().message, 0, {}};
  std::string name = text.substr(text.find(".entry ") + 7);
  LaunchShape shape = shapeOf(c.gridX, c.threads, c.dynamicShared);
  shape.grid[1] = c.gridY;
  auto result = device.launch(**module, name.substr(0, name.find('(')), shape, arguments.pointers());
  if (!result.ok())
    return {result.error().message, 0, {}};
  for (uint32_t t = 0; t < c.rows; ++t)
    for (uint32_t n = 0; n < c.outputs; ++n)
      outcome.wrong += y[size_t(t) * c.outputs + n] != problem.expected(t, n);
  outcome.counters = *result;
  return outcome;
}

/// Replaces the `which`-th (from 0) place of `from` after the first `after`; all places if `which` is -1.
std::string mutate(std::string text, const std::string &from, const std::string &to, int which = 0,
                   const std::string &after = "") {
  size_t at = after.empty() ? 0 : text.find(after);
  EXPECT_NE(at, std::string::npos) << after;
  int seen = 0;
  for (at = text.find(from, at); at != std::string::npos; at = text.find(from, at + to.size()), ++seen) {
    if (which >= 0 && seen < which) {
      at += from.size() > to.size() ? from.size() - to.size() : 0;
      continue;
    }
    text.replace(at, from.size(), to);
    if (which >= 0)
      return text;
  }
  EXPECT_TRUE(which < 0 && seen > 0) << "'" << from << "' is not there";
  return text;
}

/// Found in each mode: by a rule or by the numbers.
void expectFound(const KernelCase &c, const std::string &what, const std::string &text, bool plainMayMiss = false) {
  for (uint64_t seed : {0, 1, 2, 3}) {
    if (seed == 0 && plainMayMiss)
      continue;
    Outcome outcome = runText(c, text, seed ? strict(seed) : DeviceOptions{});
    EXPECT_FALSE(outcome.isClean()) << c.file << ": " << what << " is not found with seed " << seed;
  }
}
} // namespace

TEST(PtxKernels, HaveTheNumbersOfPlainLoops) {
  for (const KernelCase &c : {kDecode, kTile, kWgmma})
    for (uint64_t seed : {0, 1, 2, 3}) {
      Outcome outcome = runText(c, readKernel(c.file), seed ? strict(seed) : DeviceOptions{});
      EXPECT_EQ(outcome.error, "") << c.file << " seed " << seed;
      EXPECT_EQ(outcome.wrong, 0u) << c.file << " seed " << seed;
    }
}

TEST(PtxKernels, AreCounted) {
  Counters decode = runText(kDecode, readKernel("decode_u8s8"), {}).counters;
  EXPECT_EQ(decode.matrixInstructions, 4u * 8 * 4); // four a warp, though there are but two slices for each
  EXPECT_EQ(decode.barriers, 4u * 8);
  Counters tile = runText(kTile, readKernel("tile_u8s8"), {}).counters;
  EXPECT_EQ(tile.matrixInstructions, 128u / 16 * 128 / 8 * 192 / 32);
  EXPECT_EQ(tile.sharedWavefronts, tile.sharedIdealWavefronts);
  Counters wgmma = runText(kWgmma, readKernel("wgmma_u8s8"), {}).counters;
  EXPECT_EQ(wgmma.matrixInstructions, 128u / 16 * 64 / 8 * 512 / 32);
}

TEST(PtxKernels, MutationsOfDecodeAreFound) {
  std::string text = readKernel("decode_u8s8");
  auto found = [&](const char *what, const std::string &mutation) { expectFound(kDecode, what, mutation); };
  found("the barrier removed", mutate(text, "bar.sync", "// bar.sync"));
  found("the barrier of half the warps", mutate(text, "bar.sync \t0;", "bar.sync \t0, 128;"));
  found("u8 taken for s8", mutate(text, "s32.s8.u8.s32", "s32.s8.s8.s32", -1));
  found("operands exchanged in sign", mutate(text, "s32.s8.u8.s32", "s32.u8.s8.s32", 1));
  found("an index one further", mutate(text, "shl.b32 \t%r4, %r46, 4;", "shl.b32 \t%r4, %r46, 3;"));
  found("another lane's row", mutate(text, "bfe.u32 \t%r2, %r45, 2, 3;", "bfe.u32 \t%r2, %r45, 1, 3;"));
  found(">= becomes >", mutate(text, "setp.ge.u32", "setp.gt.u32", -1));
  found("signed conversion", mutate(text, "cvt.rn.f32.s32", "cvt.rn.f32.u32", -1));
  found("a product instead of a sum", mutate(text, "sub.s32", "add.s32", -1));
}

TEST(PtxKernels, MutationsOfTheTileAreFound) {
  std::string text = readKernel("tile_u8s8");
  auto found = [&](const char *what, const std::string &mutation) { expectFound(kTile, what, mutation); };
  found("the loop's barrier removed", mutate(text, "bar.sync", "// bar.sync"));
  found("a wait for one group less", mutate(text, "cp.async.wait_group \t1", "cp.async.wait_group \t2", -1));
  found("no commit", mutate(text, "cp.async.commit_group", "// cp.async.commit_group", 1));
  found("a swizzle with or", mutate(text, "xor.b32", "or.b32"));
  found("transposed matrices", mutate(text, "x4.shared", "x4.trans.shared", -1));
  found("u8 taken for s8", mutate(text, "s32.s8.u8.s32", "s32.s8.s8.s32", -1));
  found("a stage too near", mutate(text, "8192", "4096", 1));
  found("short copies", mutate(mutate(text, ", 16;", ", 8;", 0, "cp.async.cg"), "cp.async.cg", "cp.async.ca"));
}

TEST(PtxKernels, MutationsOfWgmmaAreFound) {
  std::string text = readKernel("wgmma_u8s8");
  auto found = [&](const char *what, const std::string &mutation) { expectFound(kWgmma, what, mutation); };
  found("no barrier after init", mutate(text, "bar.sync", "// bar.sync"));
  found("one expected byte too many", mutate(text, "mov.b32 \t%r280, 20480;", "mov.b32 \t%r280, 20496;"));
  found("u8 taken for s8", mutate(text, "s32.s8.u8", "s32.s8.s8", -1));
  found("no wgmma.fence", mutate(text, "wgmma.fence.sync.aligned;", "", -1));
  found("no wait", mutate(text, "wgmma.wait_group.sync.aligned \t0;", "", -1));
  found("another stage's mbarrier", mutate(text, "[smem+40960];", "[smem+40968];", 3, "cp.async.bulk"));
  found("no word that a stage is empty", mutate(text, "mbarrier.arrive.shared.b64", "// mbarrier.arrive.shared.b64"));
  found("a smaller bulk copy", mutate(text, "mov.b32 \t%r282, 4096;", "mov.b32 \t%r282, 4080;"));
}
