// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of encoders on the interpreter, in f32 and on tensor cores: segments of one row to several hundred, heads
// as the fixtures have them and as passes leave them, turned or not; against softmax in f64 of the same rounded
// numbers. A segment's bits do not depend on where it lies; what a load costs; mutations are found. Plain and strict.
#include "codegen/ptx/attention/AttendSegments.h"
#include "test/unit/codegen/ptx/AttentionProblem.h"
#include "test/unit/codegen/ptx/KernelRun.h"

#include "llvm/ADT/STLExtras.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::AttentionSpec;

namespace {

struct Problem {
  AttentionSpec spec;
  std::vector<lmopt_device_segment_t> table;
  std::vector<size_t> segmentOf; ///< each row
  std::vector<float> queries, keys, values, angles, bias;
  std::vector<lmopt_device_row_t> rows;

  Problem(const AttentionSpec &spec, const std::vector<int32_t> &segments) : spec(spec) {
    for (int32_t rows : segments) {
      table.push_back({int32_t(segmentOf.size()), rows});
      segmentOf.insert(segmentOf.end(), size_t(rows), table.size() - 1);
    }
    std::mt19937 random(1);
    queries = normal(segmentOf.size() * size_t(spec.heads * spec.width), random);
    keys = normal(segmentOf.size() * size_t(spec.kvHeads * spec.width), random);
    values = normal(segmentOf.size() * size_t(spec.kvHeads * spec.valueWidth()), random);
    for (int64_t position = 0; position < 600; ++position)
      for (int64_t i = 0; i < spec.rotary / 2; ++i) {
        double angle = double(position) * std::pow(1e4, -double(2 * i) / double(spec.rotary));
        angles.push_back(float(std::cos(angle))), angles.push_back(float(std::sin(angle)));
      }
    rows.resize(segmentOf.size());
    bias = biasNumbers(spec);
  }
  size_t width() const { return size_t(spec.heads * spec.valueWidth()); } ///< of results
  size_t query(size_t row, int64_t head) const {
    return (row * size_t(spec.heads) + size_t(head)) * size_t(spec.width);
  }
  size_t key(size_t row, int64_t head) const {
    return (row * size_t(spec.kvHeads) + size_t(AttentionProblem::kvHeadOf(spec, head))) * size_t(spec.width);
  }
  size_t value(size_t row, int64_t head) const {
    return key(row, head) / size_t(spec.width) * size_t(spec.valueWidth());
  }
  /// A head, turned by its row's place in the segment as the kernels do it.
  std::vector<float> turned(const std::vector<float> &from, size_t at, size_t row) const {
    std::vector<float> x(from.begin() + int64_t(at), from.begin() + int64_t(at) + spec.width), result = x;
    int64_t half = spec.rotary / 2, position = int64_t(row) - table[segmentOf[row]].first;
    for (int64_t i = 0; i < spec.rotary; ++i) {
      const float *angle = angles.data() + position * spec.rotary + i % half * 2;
      volatile float crossed = i < half ? x[size_t(i + half)] * -angle[1] : x[size_t(i - half)] * angle[1];
      volatile float own = x[size_t(i)] * angle[0];
      result[size_t(i)] = own + crossed;
    }
    return result;
  }

  /// `halves`: queries, keys and values rounded to bf16.
  std::vector<double> expected(size_t row, int64_t head, bool halves) const {
    auto rounded = [&](float x) { return halves ? AttentionProblem::asBf16(x) : x; };
    std::vector<double> result(size_t(spec.valueWidth())), weights;
    std::vector<float> query = turned(queries, this->query(row, head), row);
    double sum = 0;
    auto [from, rows] = table[segmentOf[row]];
    auto first = size_t(from), end = size_t(from + rows);
    if (spec.window) {
      first = size_t(std::max(int64_t(from), int64_t(row) - spec.window));
      end = size_t(std::min(int64_t(from + rows), int64_t(row) + spec.window + 1));
    }
    for (size_t other = first; other < end; ++other) {
      double score = 0;
      std::vector<float> own = turned(keys, key(other, head), other);
      for (size_t i = 0; i < own.size(); ++i)
        score += double(rounded(query[i] * spec.scale)) * rounded(own[i]);
      weights.push_back(
          std::exp(double(biased(spec, bias, head, int64_t(other) - int64_t(row), static_cast<float>(score)))));
      sum += weights.back();
    }
    for (size_t other = first; other < end; ++other)
      for (size_t i = 0; i < result.size(); ++i)
        result[i] += weights[other - first] / sum * rounded(values[value(other, head) + i]);
    return result;
  }
  double errorOf(const std::vector<float> &found, bool halves) const {
    if (found.size() != segmentOf.size() * width())
      return INFINITY; // the kernel failed
    double worst = 0;
    for (size_t row = 0; row < segmentOf.size(); ++row)
      for (int64_t head = 0; head < spec.heads; ++head) {
        std::vector<double> right = expected(row, head, halves);
        for (size_t i = 0; i < right.size(); ++i) {
          size_t place = (row * size_t(spec.heads) + size_t(head)) * right.size() + i;
          double distance = std::fabs(double(found[place]) - right[i]);
          worst = distance <= worst ? worst : distance; // NaN too
        }
      }
    return worst;
  }

  std::vector<Argument> arguments() const {
    std::vector<Argument> list = {memory(queries), memory(keys), memory(values), memory(table),
                                  result(4 * segmentOf.size() * width())};
    if (spec.rotary)
      list.insert(list.end(), {memory(angles), memory(rows)});
    if (spec.isBiased())
      list.push_back(memory(bias));
    return list;
  }
  std::array<uint32_t, 3> grid(bool halves) const {
    int64_t tile = halves ? nvptx::kSegmentTileRows : nvptx::kSegmentRows;
    int64_t longest = 0;
    for (auto [first, rows] : table)
      longest = std::max<int64_t>(longest, rows);
    return {uint32_t((longest + tile - 1) / tile), uint32_t(spec.heads), uint32_t(table.size())};
  }
};
/// In f32 as for rows over a cache, in bf16 as for tiles over one.
double toleranceOf(bool halves) { return halves ? 4e-3 : 2e-5; }

EmittedKernel kernelOf(const AttentionSpec &spec, const std::string &chip, bool halves) {
  EXPECT_TRUE(!halves || canAttendSegmentsTile(spec));
  return emit(chip, [&](nvptx::KernelLibrary &kernels) {
    return halves ? attendSegmentsTileKernel(kernels, spec) : attendSegmentsKernel(kernels, spec);
  });
}
std::vector<float> expectRight(const Problem &problem, const std::string &chip, bool halves) {
  Finished finished = run(kernelOf(problem.spec, chip, halves), problem.grid(halves), problem.arguments());
  std::vector<float> found = as<float>(finished.result);
  EXPECT_LE(problem.errorOf(found, halves), toleranceOf(halves));
  return found;
}

class PtxAttendSegments : public testing::TestWithParam<bool> {};
std::string nameOf(const testing::TestParamInfo<bool> &tested) { return tested.param ? "Bf16" : "F32"; }
INSTANTIATE_TEST_SUITE_P(Each, PtxAttendSegments, testing::Bool(), nameOf);

TEST_P(PtxAttendSegments, IsSoftmaxOfTheSegment) {
  expectRight(Problem({2, 2, 16, 0, 0.25F}, {1, 7, 16, 20, 64, 65, 3}), "sm_80", GetParam());
  expectRight(Problem({12, 12, 32, 0, 0.18F}, {30, 5}), "sm_90a", GetParam());
  expectRight(Problem({1, 1, 80, 0, 0.11F}, {40, 150}), "sm_80", GetParam());
  expectRight(Problem({4, 2, 64, 0, 0.125F}, {70}), "sm_80", GetParam());
  expectRight(Problem({1, 1, 128, 0, 0.09F}, {17}), "sm_80", GetParam());
}
// Heads of which some were pruned; values of other widths than keys.
TEST_P(PtxAttendSegments, GroupsAndWidthsThatDiffer) {
  AttentionSpec pruned = {6, 3, 32, 0, 0.18F}, narrow = {2, 2, 64, 0, 0.125F}, both = {3, 2, 16, 0, 0.25F};
  pruned.groups = {3, 1, 2}, narrow.otherValueWidth = 32, both.groups = {1, 2}, both.otherValueWidth = 128;
  expectRight(Problem(pruned, {20, 3}), "sm_80", GetParam());
  expectRight(Problem(narrow, {70}), "sm_80", GetParam());
  expectRight(Problem(both, {9, 66}), "sm_90a", GetParam());
}
// Slopes, and tables that end before the segment does and behind.
TEST_P(PtxAttendSegments, BiasesOfPositions) {
  AttentionSpec slopes = {6, 3, 32, 0, 0.18F}, near = {2, 2, 64, 16, 0.125F}, far = {3, 3, 16, 0, 0.25F};
  slopes.bias = nvptx::PositionBias::Slopes, near.bias = far.bias = nvptx::PositionBias::Distances;
  slopes.groups = {3, 1, 2}, near.largestDistance = 9, far.largestDistance = 128;
  expectRight(Problem(slopes, {20, 3}), "sm_80", GetParam());
  expectRight(Problem(near, {70, 5}), "sm_90a", GetParam());
  expectRight(Problem(far, {1, 150, 9}), "sm_80", GetParam());
}
// Neighbours both ways: fewer than a tile has rows, more than a block has positions.
TEST_P(PtxAttendSegments, Windows) {
  AttentionSpec narrow = {2, 2, 16, 16, 0.25F}, wide = {3, 3, 32, 0, 0.18F};
  narrow.window = 5, wide.window = 70;
  expectRight(Problem(narrow, {1, 7, 150, 9}), "sm_80", GetParam());
  expectRight(Problem(wide, {20, 200}), "sm_90a", GetParam());
}
TEST_P(PtxAttendSegments, RowsAreTurnedByTheirPlaceInTheSegment) {
  expectRight(Problem({2, 1, 32, 32, 0.18F}, {9, 70}), "sm_80", GetParam());
  expectRight(Problem({2, 2, 64, 16, 0.125F}, {33}), "sm_90a", GetParam());
}
// Each segment has angles of its own length.
TEST_P(PtxAttendSegments, LongSegmentsAreTurnedBySecondAngles) {
  AttentionSpec spec = {1, 1, 32, 32, 0.18F}, plain = spec;
  spec.positions = 300, spec.ropeSwitchPositions = 64; // of 600 positions the second half
  Problem problem(spec, {9, 70}), one(plain, {9, 70});
  for (size_t row = 9; row < problem.rows.size(); ++row)
    problem.rows[row].rope = 1;
  problem.angles.resize(size_t(300 * spec.rotary)), one.angles = problem.angles;
  problem.angles.insert(problem.angles.end(), one.angles.begin(), one.angles.end());
  for (size_t i = size_t(300 * spec.rotary); i < problem.angles.size(); ++i)
    problem.angles[i] *= 2; // so turned and twice as long: scores are four times as large
  std::vector<float> found =
      as<float>(run(kernelOf(spec, "sm_80", GetParam()), problem.grid(GetParam()), problem.arguments()).result);
  Problem longer = one;
  longer.spec.scale *= 4;
  ASSERT_EQ(found.size(), one.segmentOf.size() * one.width());
  for (size_t row = 0; row < one.segmentOf.size(); ++row) {
    std::vector<double> right = (row < 9 ? one : longer).expected(row, 0, GetParam());
    for (size_t i = 0; i < right.size(); ++i)
      EXPECT_NEAR(found[row * right.size() + i], right[i], toleranceOf(GetParam()) * (row < 9 ? 1 : 4));
  }
}

TEST(PtxAttendSegmentsF32, OtherWidths) {
  for (int64_t width : {8, 24, 256})
    expectRight(Problem({1, 1, width, 0, 0.1F}, {17}), "sm_80", false);
}
TEST_P(PtxAttendSegments, LongSegments) { expectRight(Problem({1, 1, 32, 0, 0.18F}, {10, 530}), "sm_80", GetParam()); }

TEST_P(PtxAttendSegments, ASegmentDoesNotDependOnThoseBeforeIt) {
  AttentionSpec spec = {2, 2, 32, 0, 0.18F};
  Problem all(spec, {5, 100, 9}), own(spec, {100});
  auto part = [&](const std::vector<float> &rows) {
    return std::vector<float>(rows.begin() + int64_t(5 * all.width()), rows.begin() + int64_t(105 * all.width()));
  };
  own.queries = part(all.queries), own.keys = part(all.keys), own.values = part(all.values);
  EXPECT_EQ(part(expectRight(all, "sm_80", GetParam())), expectRight(own, "sm_80", GetParam()));
}

// Keys and values are read once for each block of rows and head.
TEST_P(PtxAttendSegments, ReadsWhatItMust) {
  Problem problem({1, 1, 64, 0, 0.125F}, {256});
  Finished finished =
      runOnce(kernelOf(problem.spec, "sm_80", GetParam()), problem.grid(GetParam()), problem.arguments(), std::nullopt);
  double bytes = problem.grid(GetParam())[0] * 2 * 256 * 64 * 4 + 256 * 64 * 4;
  EXPECT_LE(32 * double(finished.counters.globalLoadSectors), 1.05 * bytes);
  EXPECT_LE(double(finished.counters.sharedWavefronts), 1.02 * double(finished.counters.sharedIdealWavefronts));
}

TEST_P(PtxAttendSegments, MutationsAreFound) {
  Problem problem({1, 1, 32, 0, 0.18F}, {70, 9});
  EmittedKernel kernel = kernelOf(problem.spec, "sm_80", GetParam()), mutated = kernel;
  auto isFound = [&](const std::string &text) {
    mutated.text = text;
    std::optional<uint64_t> seeds[] = {std::nullopt, 1, 2, 3};
    return llvm::any_of(seeds, [&](std::optional<uint64_t> seed) {
      Finished finished = runOnce(mutated, problem.grid(GetParam()), problem.arguments(), seed);
      return !finished.error.empty() ||
             !(problem.errorOf(as<float>(finished.result), GetParam()) <= toleranceOf(GetParam()));
    });
  };
  ASSERT_FALSE(isFound(kernel.text));
  for (size_t at = kernel.text.find("bar.sync"), which = 0; at != std::string::npos;
       at = kernel.text.find("bar.sync", at + 1), ++which)
    EXPECT_TRUE(isFound(std::string(kernel.text).insert(at, "// "))) << "barrier " << which;
  if (GetParam())
    return; // copies nothing behind its back
  std::string wait = "cp.async.wait_group \t1";
  size_t at = kernel.text.find(wait);
  ASSERT_NE(at, std::string::npos);
  EXPECT_TRUE(isFound(std::string(kernel.text).replace(at, wait.size(), "cp.async.wait_group \t2")));
}

} // namespace
