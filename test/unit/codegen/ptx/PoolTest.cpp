// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pooling on the interpreter, every kind, segments of one row to many; bit for bit what adding row after row gives.
// Plain and strict.
#include "codegen/ptx/Rows.h"
#include "codegen/ptx/pooling/PoolKernel.h"
#include "test/unit/codegen/ptx/KernelRun.h"

#include "lmopt/abi.h"

#include <random>

using namespace lmopt;
using namespace lmopt::kerneltest;

namespace {

struct Problem {
  size_t width, padded;
  std::vector<lmopt_device_segment_t> segments;
  std::vector<float> rows;

  Problem(size_t width, const std::vector<int32_t> &lengths)
      : width(width), padded(size_t(nvptx::rowBytes(int64_t(width), 4)) / 4) {
    int32_t count = 0;
    for (int32_t length : lengths)
      segments.push_back({count, length}), count += length;
    std::mt19937 random(1);
    std::normal_distribution<float> distribution;
    rows.resize(size_t(count) * padded);
    for (size_t i = 0; i < rows.size(); ++i)
      rows[i] = i % padded < width ? distribution(random) : 0;
  }
  float at(int32_t row, size_t column) const { return rows[size_t(row) * padded + column]; }

  float expected(const lmopt_device_segment_t &segment, size_t column, Pooling pooling) const {
    int32_t end = segment.first + segment.rows;
    if (pooling == Pooling::Cls || pooling == Pooling::Last)
      return at(pooling == Pooling::Cls ? segment.first : end - 1, column);
    float pooled = pooling == Pooling::Max ? at(segment.first, column) : 0;
    for (int32_t row = segment.first; row < end; ++row) {
      float weight = pooling == Pooling::Weighted ? float(row - segment.first + 1) : 1.0f;
      float number = at(row, column) * weight; // a rounding of its own
      pooled = pooling == Pooling::Max ? std::max(pooled, number) : pooled + number;
    }
    auto count = float(segment.rows);
    if (pooling == Pooling::MeanSqrt)
      count = std::sqrt(count);
    if (pooling == Pooling::Weighted)
      count = count * float(segment.rows + 1) * 0.5f;
    return pooling == Pooling::Max ? pooled : pooled / count;
  }
  std::vector<float> expected(const std::vector<Pooling> &poolings) const {
    std::vector<float> results;
    for (const lmopt_device_segment_t &segment : segments)
      for (Pooling pooling : poolings)
        for (size_t column = 0; column < padded; ++column)
          results.push_back(expected(segment, column, pooling));
    return results;
  }
};

/// Each alone, and where rows are whole vectors all side by side.
std::vector<std::vector<Pooling>> allKinds(size_t width) {
  std::vector<Pooling> all = {Pooling::Mean, Pooling::Cls,      Pooling::Max,
                              Pooling::Last, Pooling::MeanSqrt, Pooling::Weighted};
  std::vector<std::vector<Pooling>> kinds;
  for (Pooling pooling : all)
    kinds.push_back({pooling});
  if (width % 16 == 0)
    kinds.push_back(all);
  return kinds;
}

TEST(PtxPool, EveryKindAndLength) {
  for (size_t width : {48, 44, 300})
    for (const std::vector<Pooling> &poolings : allKinds(width)) {
      Problem problem(width, {1, 7, 8, 9, 40, 130});
      EmittedKernel kernel =
          emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return poolKernel(kernels, int64_t(width), poolings); });
      Finished finished = run(kernel, {uint32_t(problem.segments.size()), 1, 1},
                              {memory(problem.rows), memory(problem.segments),
                               result(4 * problem.segments.size() * problem.padded * poolings.size())});
      EXPECT_EQ(as<float>(finished.result), problem.expected(poolings)) << width << " " << kernelWord(poolings.front());
    }
}

} // namespace
