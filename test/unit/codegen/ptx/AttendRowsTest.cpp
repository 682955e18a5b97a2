// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of single rows on the interpreter: keys and values are turned and stored, attended to, parts joined, for
// sequences around every edge of a block and of a part; against softmax in f64. A row's bits do not depend on the rows
// beside it; what a load costs. Plain and strict.
#include "codegen/ptx/attention/AttendRows.h"
#include "codegen/ptx/EmitText.h"
#include "test/unit/codegen/ptx/KernelRun.h"

#include <cmath>
#include <random>

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::AttentionSpec;

namespace {

constexpr int64_t kBlock = AttentionSpec::kBlock;

std::vector<float> normal(size_t count, std::mt19937 &random) {
  std::normal_distribution<float> distribution;
  std::vector<float> numbers(count);
  for (float &x : numbers)
    x = distribution(random);
  return numbers;
}

struct TableRow {
  uint64_t keys, values;
  int32_t blocks, position;
};
static_assert(sizeof(TableRow) == AttentionSpec::kTableBytes);

/// Sequences whose last position is decoded: what is in their caches, and the new queries, keys and values.
struct Problem {
  AttentionSpec spec;
  std::vector<int64_t> positions;
  std::vector<float> queries, keys, values, angles;
  std::vector<std::vector<float>> keyCaches, valueCaches; ///< [kv head][blocks][64][width], NaN where nothing is yet

  Problem(const AttentionSpec &spec, std::vector<int64_t> at, unsigned seed = 1)
      : spec(spec), positions(std::move(at)) {
    std::mt19937 random(seed);
    size_t rows = positions.size();
    queries = normal(rows * size_t(spec.heads * spec.width), random);
    keys = normal(rows * size_t(spec.kvHeads * spec.width), random);
    values = normal(rows * size_t(spec.kvHeads * spec.width), random);
    for (int64_t p = 0; p < 800; ++p)
      for (int64_t i = 0; i < spec.rotary / 2; ++i) {
        double angle = double(p) * std::pow(1e4, -double(2 * i) / double(spec.rotary));
        angles.push_back(float(std::cos(angle))), angles.push_back(float(std::sin(angle)));
      }
    if (angles.empty())
      angles.push_back(0);
    for (int64_t position : positions)
      for (auto *caches : {&keyCaches, &valueCaches})
        caches->push_back(filled(position, random));
  }
  int64_t blocksOf(int64_t position) const { return position / kBlock + 1; }
  size_t inCache(int64_t head, int64_t position, int64_t i, int64_t blocks) const {
    return size_t((head * blocks * kBlock + position) * spec.width + i);
  }
  std::vector<float> filled(int64_t position, std::mt19937 &random) const {
    int64_t blocks = blocksOf(position);
    std::vector<float> cache(size_t(spec.kvHeads * blocks * kBlock * spec.width), NAN);
    for (int64_t head = 0; head < spec.kvHeads; ++head)
      for (int64_t p = 0; p < position; ++p)
        for (int64_t i = 0; i < spec.width; ++i)
          cache[inCache(head, p, i, blocks)] = normal(1, random)[0];
    return cache;
  }
  int64_t mostParts() const {
    int64_t most = 0;
    for (int64_t position : positions)
      most = std::max(most, AttentionSpec::partsAt(position));
    return most;
  }

  double turned(const float *vector, int64_t i, int64_t position) const {
    int64_t half = spec.rotary / 2;
    if (i >= spec.rotary)
      return vector[i];
    const float *angle = angles.data() + position * spec.rotary + i % half * 2;
    return i < half ? double(vector[i]) * angle[0] - double(vector[i + half]) * angle[1]
                    : double(vector[i]) * angle[0] + double(vector[i - half]) * angle[1];
  }
  double keyAt(size_t row, int64_t head, int64_t p, int64_t i) const {
    if (p < positions[row])
      return keyCaches[row][inCache(head, p, i, blocksOf(positions[row]))];
    return turned(keys.data() + (int64_t(row) * spec.kvHeads + head) * spec.width, i, p);
  }
  double valueAt(size_t row, int64_t head, int64_t p, int64_t i) const {
    if (p < positions[row])
      return valueCaches[row][inCache(head, p, i, blocksOf(positions[row]))];
    return values[size_t((int64_t(row) * spec.kvHeads + head) * spec.width + i)];
  }
  std::vector<double> expected(size_t row, int64_t head) const {
    int64_t kvHead = head / spec.group(), position = positions[row];
    const float *query = queries.data() + (int64_t(row) * spec.heads + head) * spec.width;
    std::vector<double> result(size_t(spec.width)), scores;
    double sum = 0;
    for (int64_t p = 0; p <= position; ++p) {
      double score = 0;
      for (int64_t i = 0; i < spec.width; ++i)
        score += turned(query, i, position) * keyAt(row, kvHead, p, i);
      scores.push_back(std::exp(score * spec.scale));
      sum += scores.back();
    }
    for (int64_t p = 0; p <= position; ++p)
      for (int64_t i = 0; i < spec.width; ++i)
        result[size_t(i)] += scores[size_t(p)] / sum * valueAt(row, kvHead, p, i);
    return result;
  }
};

/// The three kernels of a shape as one text.
struct Kernels {
  std::string store, attend, join, text;
  std::map<std::string, nvptx::KernelShape> shapes;

  Kernels(const AttentionSpec &spec, const std::string &chip) {
    mlir::MLIRContext context;
    nvptx::KernelLibrary library(&context, targetOf(chip));
    store = storeKeysValuesKernel(library, spec);
    attend = attendRowsKernel(library, spec);
    join = joinPartsKernel(library, spec);
    shapes = library.shapes();
    std::string error;
    EXPECT_TRUE(nvptx::emitText(library, text, error)) << error;
  }
};

class Session {
public:
  Session(const Kernels &kernels, const Problem &problem, std::optional<uint64_t> seed)
      : kernels(kernels), problem(problem), device(ptx::DeviceOptions{{}, seed}) {}

  std::vector<float> run() {
    module = ptx::parseOrFail(kernels.text);
    device.load(*module);
    size_t rows = problem.positions.size(), parts = size_t(problem.mostParts());
    std::vector<std::unique_ptr<ptx::Buffer<float>>> caches;
    std::vector<TableRow> rowsOfTable;
    for (size_t row = 0; row < rows; ++row) {
      for (const auto *from : {&problem.keyCaches, &problem.valueCaches})
        caches.push_back(std::make_unique<ptx::Buffer<float>>(device, (*from)[row]));
      rowsOfTable.push_back({address(*caches[2 * row]), address(*caches[2 * row + 1]),
                             int32_t(problem.blocksOf(problem.positions[row])), int32_t(problem.positions[row])});
    }
    size_t width = size_t(problem.spec.heads * problem.spec.width);
    ptx::Buffer<TableRow> table(device, rowsOfTable);
    ptx::Buffer<float> queries(device, problem.queries), keys(device, problem.keys), values(device, problem.values),
        angles(device, problem.angles), turned(device, rows * width, false), result(device, rows * width, false),
        partial(device, rows * size_t(problem.spec.heads * problem.spec.partFloats()) * parts, false);
    ptx::Arguments store, attend, join;
    store << queries << keys << values << angles << table << turned;
    launch(kernels.store, {uint32_t(rows), 1, 1}, store);
    attend << turned << table << partial << uint32_t(parts);
    counters = launch(kernels.attend, {uint32_t(parts), uint32_t(problem.spec.kvHeads), uint32_t(rows)}, attend);
    join << partial << table << result << uint32_t(parts);
    launch(kernels.join, {uint32_t(rows), 1, 1}, join);
    device.unload(*module);
    return result.values();
  }

  ptx::Counters counters; ///< of attending

private:
  const Kernels &kernels;
  const Problem &problem;
  ptx::Device device;
  std::shared_ptr<const ptx::Module> module;

  template <typename T>
  static uint64_t address(ptx::Buffer<T> &buffer) {
    return reinterpret_cast<uint64_t>(buffer.data());
  }
  ptx::Counters launch(const std::string &name, std::array<uint32_t, 3> grid, ptx::Arguments &arguments) {
    ptx::LaunchShape shape;
    shape.grid = grid;
    shape.block = {uint32_t(kernels.shapes.at(name).threads), 1, 1};
    shape.dynamicShared = uint32_t(kernels.shapes.at(name).sharedBytes);
    Result<ptx::Counters> done = device.launch(*module, name, shape, arguments.pointers());
    EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().message);
    return done.ok() ? *done : ptx::Counters();
  }
};

void expectRight(const Problem &problem, const std::string &chip) {
  Kernels kernels(problem.spec, chip);
  std::vector<float> found = Session(kernels, problem, std::nullopt).run();
  for (uint64_t seed : {1, 2, 3})
    EXPECT_EQ(Session(kernels, problem, seed).run(), found);
  for (size_t row = 0; row < problem.positions.size(); ++row)
    for (int64_t head = 0; head < problem.spec.heads; ++head) {
      std::vector<double> expected = problem.expected(row, head);
      for (int64_t i = 0; i < problem.spec.width; ++i)
        // A score of at most some 30 is off by 2^-24 of the sum of its products' sizes (some 60), a weight by as much
        // and by the 2e-7 of exp2; numbers of about 1 are then off by some 1e-5.
        ASSERT_NEAR(found[size_t((int64_t(row) * problem.spec.heads + head) * problem.spec.width + i)],
                    expected[size_t(i)], 2e-5)
            << "position " << problem.positions[row] << ", head " << head << ", " << i;
    }
}

TEST(PtxAttendRows, IsSoftmaxOfAllPositions) {
  expectRight(Problem({9, 3, 64, 64, 0.125F}, {0, 5, 63, 64, 127, 255, 256, 700}), "sm_80");
  expectRight(Problem({2, 2, 32, 16, 0.2F}, {3, 320}), "sm_90a");
  expectRight(Problem({8, 1, 128, 128, 0.09F}, {70, 1}), "sm_80");
  expectRight(Problem({3, 1, 80, 0, 0.11F}, {66}), "sm_80");
}

TEST(PtxAttendRows, ARowDoesNotDependOnThoseBesideIt) {
  AttentionSpec spec = {4, 2, 64, 64, 0.125F};
  Kernels kernels(spec, "sm_80");
  Problem all(spec, {300, 20, 64}), first = all;
  first.positions.resize(1);
  std::vector<float> whole = Session(kernels, all, std::nullopt).run(),
                     alone = Session(kernels, first, std::nullopt).run();
  ASSERT_EQ(alone.size(), size_t(4 * 64));
  whole.resize(alone.size());
  EXPECT_EQ(whole, alone);
}

// The cache is read once; shared memory without conflicts.
TEST(PtxAttendRows, ReadsWhatItMust) {
  AttentionSpec spec = {4, 1, 64, 64, 0.125F};
  Kernels kernels(spec, "sm_80");
  Problem problem(spec, {255});
  Session session(kernels, problem, std::nullopt);
  session.run();
  double bytes = 2 * 256 * 64 * 4 + 4 * 64 * 4;
  EXPECT_LE(32 * double(session.counters.globalLoadSectors), 1.05 * bytes);
  EXPECT_LE(double(session.counters.sharedWavefronts), 1.02 * double(session.counters.sharedIdealWavefronts));
}

} // namespace
