// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of prompts in tiles, in f32 and on tensor cores, on the interpreter: chunks of prompts that begin and end
// around every edge of a block, several sequences at once, heads as the fixtures have them; against softmax in f64 of
// the same rounded queries. A row's bits do not depend on the chunk that it is in; what a load costs; mutations are
// found. Plain and strict.
#include "codegen/ptx/attention/AttendTile.h"
#include "test/unit/codegen/ptx/AttentionProblem.h"
#include "test/unit/codegen/ptx/KernelRun.h"

#include "llvm/ADT/STLExtras.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::AttentionSpec;
using nvptx::CacheFormat;
using Problem = AttentionProblem;

namespace {

class PtxAttendTile : public testing::TestWithParam<CacheFormat> {
protected:
  static AttentionSpec specOf(int64_t heads, int64_t kvHeads, int64_t width, int64_t rotary, float scale) {
    return {heads, kvHeads, width, rotary, scale, GetParam()};
  }
};
std::string nameOf(const testing::TestParamInfo<CacheFormat> &tested) {
  static const char *const names[] = {"F32", "Bf16", "I8"};
  return names[size_t(tested.param)];
}
INSTANTIATE_TEST_SUITE_P(Each, PtxAttendTile, testing::Values(CacheFormat::F32, CacheFormat::Bf16, CacheFormat::I8),
                         nameOf);

EmittedKernel kernelOf(const AttentionSpec &spec, const std::string &chip) {
  return emit(chip, [&](nvptx::KernelLibrary &kernels) { return attendTileKernel(kernels, spec); });
}

/// One launch, where keys and values are in the caches already.
Finished attend(const EmittedKernel &kernel, const Problem &problem, std::optional<uint64_t> seed) {
  ptx::Device device(ptx::DeviceOptions{{}, seed});
  auto module = ptx::parseOrFail(kernel.text);
  device.load(*module);
  std::vector<std::unique_ptr<ptx::Buffer<uint8_t>>> caches;
  std::vector<uint64_t> addresses;
  for (const std::vector<uint8_t> &cache : problem.after) {
    caches.push_back(std::make_unique<ptx::Buffer<uint8_t>>(device, cache));
    addresses.push_back(reinterpret_cast<uint64_t>(caches.back()->data()));
  }
  std::vector<lmopt_device_segment_t> segmentTable = problem.segmentTable();
  ptx::Buffer<lmopt_device_row_t> rows(device, problem.rowTable(addresses));
  ptx::Buffer<lmopt_device_segment_t> segments(device, segmentTable);
  ptx::Buffer<float> queries(device, problem.queries), angles(device, problem.angles), bias(device, problem.bias),
      results(device, problem.resultNumbers(), false);
  ptx::Arguments arguments;
  arguments << queries << angles << rows << segments << results << uint32_t(64 * Problem::kLayerOffset)
            << uint32_t(64 * problem.bytesPerPosition());
  if (problem.spec.isBiased())
    arguments << bias;
  int32_t longest = 0;
  for (auto [first, count] : segmentTable)
    longest = std::max(longest, count);
  int64_t tile = tileRows(problem.spec);
  ptx::LaunchShape shape;
  shape.grid = {uint32_t((longest + tile - 1) / tile), uint32_t(problem.spec.heads), uint32_t(segmentTable.size())};
  shape.block = {uint32_t(kernel.shape.threads), 1, 1};
  shape.dynamicShared = uint32_t(kernel.shape.sharedBytes);
  Result<ptx::Counters> counters = device.launch(*module, kernel.name, shape, arguments.pointers());
  device.unload(*module);
  if (!counters.ok())
    return {{}, {}, counters.error().message};
  std::vector<float> found = results.values();
  return {memory(found).bytes, *counters, ""};
}

std::vector<float> expectRight(const Problem &problem, const std::string &chip) {
  EmittedKernel kernel = kernelOf(problem.spec, chip);
  Finished plain = attend(kernel, problem, std::nullopt);
  EXPECT_EQ(plain.error, "");
  for (uint64_t seed : {1, 2, 3}) {
    Finished strict = attend(kernel, problem, seed);
    EXPECT_EQ(strict.error, "") << "seed " << seed;
    EXPECT_EQ(strict.result, plain.result) << "seed " << seed;
  }
  EXPECT_TRUE(problem.isRight(as<float>(plain.result)));
  return as<float>(plain.result);
}

TEST_P(PtxAttendTile, IsSoftmaxOfAllPositionsBefore) {
  expectRight(Problem(specOf(3, 1, 64, 64, 0.125F), {{0, 70}, {63, 2}, {190, 1}}), "sm_80");
  expectRight(Problem(specOf(9, 3, 16, 16, 0.25F), {{0, 5}, {60, 20}}), "sm_90a");
  expectRight(Problem(specOf(1, 1, 80, 80, 0.11F), {{100, 64}}), "sm_80");
  expectRight(Problem(specOf(1, 1, 32, 16, 0.18F), {{0, 130}}), "sm_80");
  expectRight(Problem(specOf(2, 1, 128, 0, 0.09F), {{250, 7}}), "sm_80");
}

// Windows narrower than a tile, so that its rows begin in different blocks, and wider.
TEST_P(PtxAttendTile, WindowsAndCaps) {
  AttentionSpec narrow = specOf(3, 1, 64, 64, 0.125F), wide = specOf(2, 2, 32, 0, 0.2F), capped = narrow;
  narrow.window = 5, wide.window = 150, wide.softCap = 2, capped.softCap = 1.5F;
  expectRight(Problem(narrow, {{0, 150}, {61, 70}, {190, 1}}), "sm_80");
  expectRight(Problem(wide, {{0, 70}, {140, 90}}), "sm_90a");
  expectRight(Problem(capped, {{60, 20}}), "sm_80");
}

// Slopes, and tables that end before the sequence does and behind.
TEST_P(PtxAttendTile, BiasesOfPositions) {
  AttentionSpec slopes = specOf(3, 1, 64, 0, 0.125F), near = specOf(2, 2, 32, 16, 0.2F),
                far = specOf(2, 1, 16, 0, 0.25F);
  slopes.bias = nvptx::PositionBias::Slopes, near.bias = far.bias = nvptx::PositionBias::Distances;
  near.largestDistance = 5, far.largestDistance = 200, near.window = 70, far.softCap = 2;
  expectRight(Problem(slopes, {{0, 150}, {61, 70}, {190, 1}}), "sm_80");
  expectRight(Problem(near, {{0, 70}, {140, 90}}), "sm_90a");
  expectRight(Problem(far, {{60, 20}}), "sm_80");
}

// Heads of which some were pruned; values of other widths than keys.
TEST_P(PtxAttendTile, GroupsAndWidthsThatDiffer) {
  AttentionSpec pruned = specOf(6, 3, 32, 32, 0.18F), narrow = specOf(2, 1, 64, 64, 0.125F),
                both = specOf(3, 2, 16, 0, 0.25F);
  pruned.groups = {3, 1, 2}, narrow.otherValueWidth = 32, both.groups = {1, 2}, both.otherValueWidth = 128;
  expectRight(Problem(pruned, {{60, 20}, {0, 3}}), "sm_80");
  expectRight(Problem(narrow, {{0, 70}}), "sm_80");
  expectRight(Problem(both, {{63, 9}}), "sm_90a");
}

TEST(PtxAttendTileF32, OtherWidths) {
  for (CacheFormat format : {CacheFormat::F32, CacheFormat::Bf16})
    for (int64_t width : {8, 24, 256})
      expectRight(Problem({2, 1, width, 8, 0.1F, format}, {{60, 20}}), "sm_80");
}

TEST_P(PtxAttendTile, LongSequencesAreTurnedBySecondAngles) {
  AttentionSpec spec = specOf(2, 1, 32, 32, 0.2F);
  spec.positions = 100, spec.ropeSwitchPositions = 32;
  expectRight(Problem(spec, {{20, 2, 0}, {70, 2, 1}}), "sm_80");
}

TEST_P(PtxAttendTile, ARowDoesNotDependOnItsChunk) {
  Problem all(specOf(1, 1, 32, 32, 0.2F), {{40, 90}}), last = all;
  last.sequences = {{100, 30}};
  last.rows.erase(last.rows.begin(), last.rows.begin() + 60);
  last.queries.erase(last.queries.begin(), last.queries.begin() + int64_t(60 * 32));
  std::vector<float> whole = expectRight(all, "sm_80"), part = expectRight(last, "sm_80");
  EXPECT_EQ(std::vector<float>(whole.begin() + int64_t(60 * 32), whole.end()), part);
}

// The cache is read once for each block of rows and head; shared memory without conflicts.
TEST_P(PtxAttendTile, ReadsWhatItMust) {
  AttentionSpec spec = specOf(1, 1, 64, 0, 0.125F);
  int64_t rows = tileRows(spec);
  Finished finished = attend(kernelOf(spec, "sm_80"), Problem(spec, {{256 - rows, rows}}), std::nullopt);
  double bytes = 256 * double(spec.cacheBytesPerPosition()) + double(rows) * 64 * 4;
  // A scale is asked for with every few of its codes: of the first-level cache.
  EXPECT_LE(32 * double(finished.counters.globalLoadSectors), (spec.isCodes() ? 1.2 : 1.05) * bytes);
  EXPECT_LE(double(finished.counters.sharedWavefronts), 1.02 * double(finished.counters.sharedIdealWavefronts));
}

TEST_P(PtxAttendTile, MutationsAreFound) {
  Problem problem(specOf(1, 1, 32, 32, 0.2F), {{100, 50}});
  EmittedKernel kernel = kernelOf(problem.spec, "sm_80"), mutated = kernel;
  auto isFound = [&](const std::string &text) {
    mutated.text = text;
    std::optional<uint64_t> seeds[] = {std::nullopt, 1, 2, 3};
    return llvm::any_of(seeds, [&](std::optional<uint64_t> seed) {
      Finished finished = attend(mutated, problem, seed);
      return !finished.error.empty() || !problem.isRight(as<float>(finished.result));
    });
  };
  ASSERT_FALSE(isFound(kernel.text));
  for (size_t at = kernel.text.find("bar.sync"), which = 0; at != std::string::npos;
       at = kernel.text.find("bar.sync", at + 1), ++which)
    EXPECT_TRUE(isFound(std::string(kernel.text).insert(at, "// "))) << "barrier " << which;
  auto replaced = [&](const std::string &from, const std::string &to) {
    size_t at = kernel.text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? "" : std::string(kernel.text).replace(at, from.size(), to);
  };
  if (GetParam() != CacheFormat::I8) // which copies nothing behind its back
    EXPECT_TRUE(isFound(replaced("cp.async.wait_group \t1", "cp.async.wait_group \t2")));
  if (GetParam() == CacheFormat::Bf16)
    EXPECT_TRUE(isFound(replaced(".x4.trans", ".x4")));
}

} // namespace
