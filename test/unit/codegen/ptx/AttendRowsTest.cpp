// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention over the cache on the interpreter: keys and values are turned and stored, attended to, parts joined, for
// sequences around every edge of a block and of a part, one row and many of each, in every format of the cache; against
// plain loops, and in f32 and bf16 against those in the order of CPUs, bit for bit. A row's bits do not depend on the
// rows beside it; what a load costs; mutations are found. Plain and strict.
#include "codegen/ptx/attention/AttendRows.h"
#include "codegen/Functions.h"
#include "codegen/ptx/EmitText.h"
#include "codegen/ptx/rows/RowKernel.h"
#include "test/unit/codegen/ptx/AttentionProblem.h"
#include "test/unit/codegen/ptx/HostEmitter.h"
#include "test/unit/codegen/ptx/KernelRun.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::AttentionSpec;
using nvptx::CacheFormat;
using Problem = AttentionProblem;

namespace {

/// The kernels of a shape as one text.
struct Kernels {
  std::string store, attend, storeAndAttend, join, text;
  std::map<std::string, nvptx::KernelShape> shapes;

  Kernels(const AttentionSpec &spec, const std::string &chip) {
    mlir::MLIRContext context;
    nvptx::KernelLibrary library(&context, targetOf(chip));
    store = storeKeysValuesKernel(library, spec);
    attend = attendRowsKernel(library, spec);
    storeAndAttend = attendRowsKernel(library, spec, /*stores=*/true);
    nvptx::RowStep parts = {nvptx::RowStepKind::JoinParts, {}, {0, 1, 2}};
    parts.size = spec.valueWidth(), parts.window = spec.window;
    join = rowKernel(library, {spec.heads * spec.valueWidth(), {parts, {nvptx::RowStepKind::StoreFloats, {0}, {3}}}});
    shapes = library.shapes();
    std::string error;
    EXPECT_TRUE(nvptx::emitText(library, text, error)) << error;
  }
};

/// What a step leaves.
struct Outcome {
  std::vector<std::vector<uint8_t>> caches;
  std::vector<float> results;
  std::string error;
  ptx::Counters counters; ///< of attending

  bool operator==(const Outcome &other) const { return caches == other.caches && results == other.results; }
};

class Session {
public:
  /// `together`: keys and values are stored by who attends.
  Session(const Kernels &kernels, const Problem &problem, std::optional<uint64_t> seed, bool together = false)
      : kernels(kernels), problem(problem), together(together), device(ptx::DeviceOptions{{}, seed}) {}

  Outcome run() {
    module = ptx::parseOrFail(kernels.text);
    device.load(*module);
    std::vector<uint64_t> addresses;
    for (const std::vector<uint8_t> &cache : problem.before) {
      caches.push_back(std::make_unique<ptx::Buffer<uint8_t>>(device, cache));
      addresses.push_back(reinterpret_cast<uint64_t>(caches.back()->data()));
    }
    const AttentionSpec &spec = problem.spec;
    auto rows = uint32_t(problem.rows.size()), parts = uint32_t(problem.mostParts());
    auto offset = uint32_t(64 * Problem::kLayerOffset), block = uint32_t(64 * problem.bytesPerPosition());
    ptx::Buffer<lmopt_device_row_t> table(device, problem.rowTable(addresses));
    ptx::Buffer<float> queries(device, problem.queries), keys(device, problem.keys), values(device, problem.values),
        angles(device, problem.angles), bias(device, problem.bias), result(device, problem.resultNumbers(), false),
        partial(device, size_t(spec.partsBytes(rows, parts) / 4), false);
    ptx::Arguments store, attend, join;
    store << keys << values << angles << table << offset << block;
    if (!together)
      launch(kernels.store, {rows, 1, 1}, store);
    attend << queries << angles << table << partial << parts << offset << block;
    if (together)
      attend << keys << values;
    if (spec.isBiased())
      attend << bias;
    launch(together ? kernels.storeAndAttend : kernels.attend, {parts, uint32_t(spec.kvHeads), rows}, attend);
    outcome.counters = counters;
    join << partial << table << parts << result;
    launch(kernels.join, {rows, 1, 1}, join);
    device.unload(*module);
    outcome.results = result.values();
    for (auto &cache : caches)
      outcome.caches.push_back(cache->values());
    return outcome;
  }

private:
  const Kernels &kernels;
  const Problem &problem;
  bool together;
  ptx::Device device;
  std::shared_ptr<const ptx::Module> module;
  std::vector<std::unique_ptr<ptx::Buffer<uint8_t>>> caches;
  ptx::Counters counters;
  Outcome outcome;

  void launch(const std::string &name, std::array<uint32_t, 3> grid, ptx::Arguments &arguments) {
    ptx::LaunchShape shape;
    shape.grid = grid;
    shape.block = {uint32_t(kernels.shapes.at(name).threads), 1, 1};
    shape.dynamicShared = uint32_t(kernels.shapes.at(name).sharedBytes);
    Result<ptx::Counters> done = device.launch(*module, name, shape, arguments.pointers());
    if (done.ok())
      counters = *done;
    else if (outcome.error.empty())
      outcome.error = done.error().message;
  }
};

float power(float x, bool halves = false) {
  HostEmitter host;
  return HostEmitter::number(functions::exp2(host, HostEmitter::of(x), halves));
}
float sumOfWeights(const std::vector<float> &weights) {
  float lanes[16] = {};
  for (size_t i = 0; i < weights.size(); ++i)
    lanes[i % 16] += weights[i];
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; ++i)
      lanes[i] += lanes[i + half];
  return lanes[0];
}

/// A head of a row in the order of CPUs (codegen/cpu/attention/AttentionTile.cpp): one product after another, of bf16
/// the second of a pair first; blocks of 256 positions by themselves, then joined.
class AsOnCpus {
public:
  AsOnCpus(const Problem &problem, size_t row, int64_t head)
      : problem(problem), spec(problem.spec), sequence(problem.rows[row].first), end(problem.rows[row].second + 1),
        head(head), kvHead(Problem::kvHeadOf(spec, head)), halves(spec.format == CacheFormat::Bf16),
        query(problem.turnedHead(problem.queries, row, spec.heads, head)), out(size_t(spec.valueWidth())) {
    for (float &x : query)
      x = halves ? Problem::asBf16(x * spec.scale) : x * spec.scale;
    const int64_t first = problem.firstSeen(end - 1);
    for (int64_t begin = first / 256 * 256; begin < end; begin += 256)
      addBlock(begin, std::min<int64_t>(end, begin + 256), first);
    for (float &x : out)
      x *= 1 / total;
  }
  const std::vector<float> &numbers() const { return out; }

private:
  const Problem &problem;
  const AttentionSpec &spec;
  size_t sequence;
  int64_t end, head, kvHead;
  bool halves;
  std::vector<float> query, out;
  float maximum = -1e30F, total = 0;

  int64_t inOrder(int64_t i) const { return halves ? i ^ 1 : i; }
  float score(int64_t position) const {
    float sum = 0;
    for (int64_t turn = 0; turn < spec.width; ++turn)
      sum = std::fma(query[size_t(inOrder(turn))],
                     problem.keptKeys[sequence][problem.kept(position, kvHead, inOrder(turn))], sum);
    HostEmitter host;
    if (spec.softCap)
      sum = HostEmitter::number(functions::softCap(host, spec.softCap, HostEmitter::of(sum)));
    return biased(spec, problem.bias, head, position - (end - 1), sum);
  }
  void addBlock(int64_t begin, int64_t blockEnd, int64_t first) {
    std::vector<float> weights;
    for (int64_t p = begin; p < blockEnd; ++p)
      weights.push_back(p < first ? -1e30F : score(p));
    float ofBlock = *std::max_element(weights.begin(), weights.end()) * 1.44269504F;
    for (float &x : weights)
      x = power(std::fma(x, 1.44269504F, -ofBlock), halves);
    float greatest = std::max(ofBlock, maximum), correction = power(maximum - greatest),
          share = power(ofBlock - greatest);
    auto join = [&](float before, float own) {
      volatile float part = share * own;
      return std::fma(correction, before, part);
    };
    maximum = greatest, total = join(total, sumOfWeights(weights));
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = join(out[i], sumOf(weights, begin, blockEnd, int64_t(i)));
  }
  float sumOf(const std::vector<float> &weights, int64_t begin, int64_t blockEnd, int64_t i) const {
    float sum = 0;
    for (int64_t turn = begin; turn < (blockEnd + 1) / 2 * 2; ++turn)
      if (int64_t p = inOrder(turn); p < blockEnd) {
        float weight = weights[size_t(p - begin)];
        sum = std::fma(halves ? Problem::asBf16(weight) : weight,
                       problem.keptValues[sequence][problem.keptValue(p, kvHead, i)], sum);
      }
    return sum;
  }
};

void expectBitsOfCpus(const Problem &problem, const std::vector<float> &found) {
  const AttentionSpec &spec = problem.spec;
  for (size_t row = 0; row < problem.rows.size() && !spec.isCodes(); ++row)
    for (int64_t head = 0; head < spec.heads; ++head) {
      auto begin = found.begin() + (int64_t(row) * spec.heads + head) * spec.valueWidth();
      EXPECT_EQ(std::vector<float>(begin, begin + spec.valueWidth()), AsOnCpus(problem, row, head).numbers())
          << "row " << row << ", head " << head;
    }
}

void expectRight(const Problem &problem, const std::string &chip) {
  Kernels kernels(problem.spec, chip);
  Outcome found = Session(kernels, problem, std::nullopt).run();
  EXPECT_EQ(found.error, "");
  for (uint64_t seed : {1, 2, 3}) {
    Outcome strict = Session(kernels, problem, seed).run();
    EXPECT_EQ(strict.error, "");
    EXPECT_TRUE(strict == found) << "seed " << seed;
  }
  for (std::optional<uint64_t> seed :
       {std::optional<uint64_t>(), std::optional<uint64_t>(1), std::optional<uint64_t>(2)}) {
    Outcome together = Session(kernels, problem, seed, /*together=*/true).run();
    EXPECT_EQ(together.error, "");
    EXPECT_TRUE(together == found) << "stored by who attends";
  }
  EXPECT_EQ(found.caches, problem.after);
  EXPECT_TRUE(problem.isRight(found.results));
  if (!testing::Test::HasFailure())
    expectBitsOfCpus(problem, found.results);
}

AttentionSpec specOf(int64_t heads, int64_t kvHeads, int64_t width, int64_t rotary, float scale,
                     CacheFormat format = CacheFormat::F32) {
  return {heads, kvHeads, width, rotary, scale, format};
}

class PtxAttendFormats : public testing::TestWithParam<CacheFormat> {};
std::string nameOf(const testing::TestParamInfo<CacheFormat> &tested) {
  static const char *const names[] = {"F32", "Bf16", "I8"};
  return names[size_t(tested.param)];
}
INSTANTIATE_TEST_SUITE_P(Each, PtxAttendFormats, testing::Values(CacheFormat::F32, CacheFormat::Bf16, CacheFormat::I8),
                         nameOf);

TEST_P(PtxAttendFormats, IsSoftmaxOfAllPositions) {
  CacheFormat format = GetParam();
  expectRight(Problem(specOf(9, 3, 64, 64, 0.125F, format), {{0}, {5}, {63}, {64}, {127}, {255}, {256}, {700}}),
              "sm_80");
  expectRight(Problem(specOf(2, 2, 32, 16, 0.2F, format), {{3}, {320}}), "sm_90a");
  expectRight(Problem(specOf(8, 1, 128, 128, 0.09F, format), {{70}, {1}}), "sm_80");
  expectRight(Problem(specOf(3, 1, 80, 0, 0.11F, format), {{66}}), "sm_80");
  expectRight(Problem(specOf(9, 3, 16, 16, 0.25F, format), {{64}, {260}}), "sm_80");
}
// Windows that begin inside a block, at its beginning, and in a part before the row's own.
TEST_P(PtxAttendFormats, WindowsAndCaps) {
  AttentionSpec narrow = specOf(3, 1, 32, 32, 0.2F, GetParam()), wide = specOf(2, 2, 64, 0, 0.125F, GetParam()),
                capped = specOf(2, 1, 16, 16, 0.25F, GetParam());
  narrow.window = 7, wide.window = 300, wide.softCap = 2, capped.softCap = 1.5F;
  expectRight(Problem(narrow, {{0}, {6}, {7}, {69}, {256}, {700}}), "sm_80");
  expectRight(Problem(wide, {{3}, {299}, {300}, {555, 3}, {700}}), "sm_90a");
  expectRight(Problem(capped, {{5}, {320}}), "sm_80");
}

// Slopes, and tables that end before the sequence does and behind.
TEST_P(PtxAttendFormats, BiasesOfPositions) {
  AttentionSpec slopes = specOf(3, 1, 32, 0, 0.2F, GetParam()), pruned = specOf(5, 3, 32, 0, 0.2F, GetParam()),
                near = specOf(2, 2, 64, 16, 0.125F, GetParam()), far = specOf(4, 2, 16, 0, 0.25F, GetParam());
  slopes.bias = pruned.bias = nvptx::PositionBias::Slopes;
  near.bias = far.bias = nvptx::PositionBias::Distances;
  pruned.groups = {1, 3, 1}, near.largestDistance = 5, far.largestDistance = 400, near.window = 70, far.softCap = 2;
  expectRight(Problem(slopes, {{0}, {5}, {63}, {256}, {400}}), "sm_80");
  expectRight(Problem(pruned, {{70, 3}, {1}}), "sm_90a");
  expectRight(Problem(near, {{3}, {69}, {300, 2}}), "sm_80");
  expectRight(Problem(far, {{64}, {320}}), "sm_80");
}

TEST(PtxAttendRows, WidthsOfEightNumbers) {
  for (CacheFormat format : {CacheFormat::F32, CacheFormat::Bf16})
    for (int64_t width : {8, 24, 40, 256})
      expectRight(Problem(specOf(2, 1, width, 8, 0.2F, format), {{65}, {2}}), "sm_80");
}

// Heads of which some were pruned; values of other widths than keys.
AttentionSpec uneven(AttentionSpec spec, std::vector<int64_t> groups, int64_t valueWidth) {
  spec.groups = std::move(groups), spec.otherValueWidth = valueWidth;
  return spec;
}
TEST_P(PtxAttendFormats, GroupsOfSeveralSizes) {
  CacheFormat format = GetParam();
  expectRight(Problem(uneven(specOf(6, 3, 64, 64, 0.125F, format), {3, 1, 2}, 0), {{5}, {64}, {300}}), "sm_80");
  expectRight(Problem(uneven(specOf(5, 4, 32, 16, 0.2F, format), {1, 1, 2, 1}, 0), {{70, 3}}), "sm_90a");
}
TEST_P(PtxAttendFormats, ValuesOfOtherWidths) {
  CacheFormat format = GetParam();
  expectRight(Problem(uneven(specOf(4, 2, 64, 64, 0.125F, format), {}, 32), {{5}, {64}, {300}}), "sm_80");
  expectRight(Problem(uneven(specOf(3, 2, 16, 0, 0.25F, format), {1, 2}, 128), {{70, 3}, {1}}), "sm_90a");
  expectRight(Problem(uneven(specOf(2, 1, 128, 128, 0.09F, format), {}, 48), {{260}}), "sm_80");
}

// Rows of one sequence in one step, as of a prompt: each sees those before it, beside rows of others.
TEST_P(PtxAttendFormats, RowsOfAPrompt) {
  expectRight(Problem(specOf(3, 1, 16, 16, 0.25F, GetParam()), {{0, 70}, {250, 9}, {60, 1}}), "sm_80");
}

TEST(PtxAttendRows, LongSequencesAreTurnedBySecondAngles) {
  AttentionSpec spec = specOf(2, 1, 32, 32, 0.2F);
  spec.positions = 100, spec.ropeSwitchPositions = 32;
  expectRight(Problem(spec, {{20, 2, 0}, {70, 2, 1}}), "sm_80");
}

TEST(PtxAttendRows, ARowDoesNotDependOnThoseBesideIt) {
  AttentionSpec spec = specOf(4, 2, 64, 64, 0.125F);
  Kernels kernels(spec, "sm_80");
  Problem all(spec, {{300}, {20}, {64}}), first = all;
  first.sequences.resize(1), first.rows.resize(1), first.before.resize(1);
  std::vector<float> whole = Session(kernels, all, std::nullopt).run().results,
                     alone = Session(kernels, first, std::nullopt).run().results;
  ASSERT_EQ(alone.size(), size_t(4 * 64));
  whole.resize(alone.size());
  EXPECT_EQ(whole, alone);
}

// The cache is read once; shared memory without conflicts. (Rows of less than 128 bytes have some as they come.)
TEST_P(PtxAttendFormats, ReadsWhatItMust) {
  AttentionSpec spec = specOf(4, 1, 128, 0, 0.09F, GetParam());
  Kernels kernels(spec, "sm_80");
  Outcome outcome = Session(kernels, Problem(spec, {{255}}), std::nullopt).run();
  double bytes = 256 * double(spec.cacheBytesPerPosition()) + 4 * 128 * 4;
  EXPECT_LE(32 * double(outcome.counters.globalLoadSectors), 1.05 * bytes);
  EXPECT_LE(double(outcome.counters.sharedWavefronts), 1.02 * double(outcome.counters.sharedIdealWavefronts));
}

//===--- Tests of the tests ---===//

std::string mutate(std::string text, const std::string &from, const std::string &to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}
bool isFound(Kernels kernels, const Problem &problem, const std::string &text) {
  kernels.text = text;
  std::optional<uint64_t> seeds[] = {std::nullopt, 1, 2, 3};
  auto isWrong = [&](const Outcome &outcome) {
    return !outcome.error.empty() || outcome.caches != problem.after || !problem.isRight(outcome.results);
  };
  return llvm::any_of(seeds, [&](std::optional<uint64_t> seed) {
    return isWrong(Session(kernels, problem, seed).run()) || isWrong(Session(kernels, problem, seed, true).run());
  });
}

TEST(PtxAttendRows, MutationsAreFound) {
  AttentionSpec spec = specOf(3, 1, 32, 32, 0.2F);
  Kernels kernels(spec, "sm_80");
  Problem problem(spec, {{130}, {63}});
  ASSERT_FALSE(isFound(kernels, problem, kernels.text));
  for (size_t at = kernels.text.find("bar.sync"), which = 0; at != std::string::npos;
       at = kernels.text.find("bar.sync", at + 1), ++which)
    EXPECT_TRUE(isFound(kernels, problem, std::string(kernels.text).insert(at, "// "))) << "barrier " << which;
  EXPECT_TRUE(isFound(kernels, problem, mutate(kernels.text, "cp.async.wait_group \t1", "cp.async.wait_group \t2")));
}

} // namespace
