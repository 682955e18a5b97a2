// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keys and values of a segment that become few, by matrices and as means, on the interpreter: the bits of plain loops
// in the order of the rows; segments shorter and longer than the rank; and attention to what came of it, against
// softmax in f64. Plain and strict.
#include "codegen/ptx/attention/ProjectRows.h"
#include "codegen/ptx/Rows.h"
#include "codegen/ptx/attention/AttendSegments.h"
#include "test/unit/codegen/ptx/AttentionProblem.h"
#include "test/unit/codegen/ptx/KernelRun.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::AttentionSpec;

namespace {

struct Problem {
  AttentionSpec spec;
  std::vector<lmopt_device_segment_t> table;
  int64_t rows = 0;
  std::vector<float> keys, values, keyMatrix, valueMatrix;

  Problem(const AttentionSpec &spec, const std::vector<int32_t> &segments) : spec(spec) {
    for (int32_t count : segments)
      table.push_back({int32_t(rows), count}), rows += count;
    std::mt19937 random(1);
    keys = normal(size_t(rows * keyWidth()), random), values = normal(size_t(rows * valueWidth()), random);
    keyMatrix = normal(size_t(spec.projectedRows * matrixRow()), random);
    valueMatrix = normal(keyMatrix.size(), random);
  }
  int64_t keyWidth() const { return spec.kvHeads * spec.width; }
  int64_t valueWidth() const { return spec.kvHeads * spec.valueWidth(); }
  int64_t matrixRow() const { return nvptx::rowBytes(spec.projectionColumns, 4) / 4; }
  int64_t madeOf(int64_t count) const {
    return spec.projectionLearned ? spec.projectedRows : std::min(count, spec.projectedRows);
  }
  int64_t placeOf(size_t segment) const {
    return spec.projectionLearned ? int64_t(segment) * spec.projectedRows : table[segment].first;
  }
  int64_t resultRows() const {
    int64_t count = nvptx::mostProjectedRows(spec, int64_t(spec.projectionLearned ? table.size() : size_t(rows)));
    return count;
  }

  float made(size_t segment, int64_t row, const std::vector<float> &from, const std::vector<float> &matrix,
             int64_t width, int64_t column) const {
    int64_t first = table[segment].first, count = table[segment].rows;
    auto number = [&](int64_t t) { return from[size_t((first + t) * width + column)]; };
    float sum = 0;
    if (spec.projectionLearned) {
      for (int64_t t = 0; t < count; ++t)
        sum = std::fma(matrix[size_t(row * matrixRow() + t)], number(t), sum);
      return sum;
    }
    int64_t begin = row * count / madeOf(count), end = (row + 1) * count / madeOf(count);
    for (int64_t t = begin; t < end; ++t)
      sum += number(t);
    return sum / float(end - begin);
  }
  /// Rows of results; NaN where nothing is made.
  std::vector<float> expected(bool isKeys) const {
    int64_t width = isKeys ? keyWidth() : valueWidth();
    std::vector<float> result(size_t(resultRows() * width), NAN);
    for (size_t segment = 0; segment < table.size(); ++segment)
      for (int64_t row = 0; row < madeOf(table[segment].rows); ++row)
        for (int64_t i = 0; i < width; ++i)
          result[size_t((placeOf(segment) + row) * width + i)] =
              made(segment, row, isKeys ? keys : values, isKeys ? keyMatrix : valueMatrix, width, i);
    return result;
  }

  /// Of which `isKeys` is the result that is looked at.
  std::vector<float> found(const std::string &chip, bool isKeys) const {
    EmittedKernel kernel = emit(chip, [&](nvptx::KernelLibrary &kernels) { return projectRowsKernel(kernels, spec); });
    std::vector<float> other(size_t(resultRows() * (isKeys ? valueWidth() : keyWidth())));
    size_t bytes = size_t(4 * resultRows() * (isKeys ? keyWidth() : valueWidth()));
    std::vector<Argument> arguments = {memory(keys), memory(values), memory(table),
                                       isKeys ? result(bytes) : memory(other), isKeys ? memory(other) : result(bytes)};
    if (spec.projectionLearned)
      arguments.insert(arguments.end(), {memory(keyMatrix), memory(valueMatrix)});
    std::array<uint32_t, 3> grid = {uint32_t(spec.projectedRows), uint32_t(table.size()), 1};
    return as<float>(run(kernel, grid, arguments).result);
  }
};

AttentionSpec specOf(int64_t heads, int64_t width, int64_t valueWidth, int64_t rank, int64_t columns) {
  AttentionSpec spec = {heads, heads, width, 0, 0.2F};
  spec.otherValueWidth = valueWidth == width ? 0 : valueWidth;
  spec.projectedRows = rank, spec.projectionLearned = columns != 0, spec.projectionColumns = columns;
  return spec;
}

void expectBits(const Problem &problem, const std::string &chip) {
  for (bool isKeys : {true, false}) {
    std::vector<float> right = problem.expected(isKeys), found = problem.found(chip, isKeys);
    ASSERT_EQ(found.size(), right.size());
    size_t wrong = 0;
    for (size_t i = 0; i < right.size(); ++i)
      wrong += !std::isnan(right[i]) && right[i] != found[i];
    EXPECT_EQ(wrong, 0U) << (isKeys ? "keys" : "values");
  }
}

TEST(PtxProjectRows, MeansOfNeighbours) {
  expectBits(Problem(specOf(2, 16, 16, 5, 0), {1, 5, 17, 4}), "sm_80");
  expectBits(Problem(specOf(3, 32, 16, 8, 0), {100, 7}), "sm_90a");
}
TEST(PtxProjectRows, LearnedMatrices) {
  expectBits(Problem(specOf(2, 16, 16, 20, 30), {1, 30, 7}), "sm_80");
  expectBits(Problem(specOf(1, 64, 32, 3, 41), {41, 2}), "sm_90a");
}

/// Attention to rows that were made so, of queries as many as the segments have rows.
void expectAttended(const Problem &problem, bool halves) {
  const AttentionSpec &spec = problem.spec;
  std::mt19937 random(2);
  std::vector<float> queries = normal(size_t(problem.rows * spec.heads * spec.width), random),
                     keys = problem.expected(true), values = problem.expected(false);
  auto rounded = [&](float x) { return halves ? AttentionProblem::asBf16(x) : x; };
  EmittedKernel kernel = emit("sm_80", [&](nvptx::KernelLibrary &kernels) {
    return halves ? attendSegmentsTileKernel(kernels, spec) : attendSegmentsKernel(kernels, spec);
  });
  int64_t tile = halves ? nvptx::kSegmentTileRows : nvptx::kSegmentRows, longest = 0, width = spec.valueWidth();
  for (auto [first, count] : problem.table)
    longest = std::max<int64_t>(longest, count);
  std::vector<float> found = as<float>(
      run(kernel, {uint32_t((longest + tile - 1) / tile), uint32_t(spec.heads), uint32_t(problem.table.size())},
          {memory(queries), memory(keys), memory(values), memory(problem.table),
           result(size_t(4 * problem.rows * spec.heads * width))})
          .result);
  ASSERT_EQ(found.size(), size_t(problem.rows * spec.heads * width));
  for (size_t segment = 0; segment < problem.table.size(); ++segment)
    for (int64_t row = problem.table[segment].first, end = row + problem.table[segment].rows; row < end; ++row)
      for (int64_t head = 0; head < spec.heads; ++head) {
        std::vector<double> weights, right(static_cast<size_t>(width));
        double sum = 0;
        int64_t first = problem.placeOf(segment), made = problem.madeOf(problem.table[segment].rows);
        for (int64_t s = 0; s < made; ++s) {
          double score = 0;
          for (int64_t i = 0; i < spec.width; ++i)
            score += double(rounded(queries[size_t((row * spec.heads + head) * spec.width + i)] * spec.scale)) *
                     rounded(keys[size_t(((first + s) * spec.heads + head) * spec.width + i)]);
          weights.push_back(std::exp(score)), sum += weights.back();
        }
        for (int64_t i = 0; i < width; ++i) {
          for (int64_t s = 0; s < made; ++s)
            right[size_t(i)] +=
                weights[size_t(s)] / sum * rounded(values[size_t(((first + s) * spec.heads + head) * width + i)]);
          // As in AttendSegmentsTest.cpp; learned sums of n numbers are some sqrt(n) times as large as those there.
          ASSERT_NEAR(found[size_t((row * spec.heads + head) * width + i)], right[size_t(i)],
                      (halves ? 4e-3 : 2e-5) * (spec.projectionLearned ? 8 : 1));
        }
      }
}
TEST(PtxProjectRows, AttentionReadsThem) {
  for (bool halves : {false, true}) {
    expectAttended(Problem(specOf(2, 16, 16, 5, 0), {1, 5, 17, 4}), halves);
    expectAttended(Problem(specOf(2, 16, 32, 70, 40), {1, 30, 7}), halves);
  }
}

} // namespace
