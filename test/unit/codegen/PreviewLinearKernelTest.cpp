// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product computed where its preview is great, against the whole product and the preview, bit for bit, for each CPU
// whose kernels differ: ragged outputs, equal previews across the border of what is wanted, both zeros, previews that
// are infinite or no numbers, fewer numbers than are wanted, rows that differ only beyond the last output.
#include "codegen/cpu/ranking/PreviewLinear.h"
#include "test/unit/codegen/KernelHarness.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace lmopt;
using test::Memory;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int64_t kRows = 6, kPaddedRows = 8;

struct Shape {
  int64_t outputs, inputs, count;
  bool bias, packed; ///< packed: rows of the result follow one another without padding
  cpu::WeightFormat format;
};

const Shape kShapes[] = {
    {7, 5, 3, true, true, cpu::WeightFormat::F32},      {16, 16, 16, false, false, cpu::WeightFormat::F32},
    {325, 48, 9, true, true, cpu::WeightFormat::F32},   {640, 70, 200, false, false, cpu::WeightFormat::F32},
    {333, 33, 33, true, true, cpu::WeightFormat::Bf16}, {512, 64, 1, false, true, cpu::WeightFormat::Bf16}};

struct Problem {
  Problem(const Shape &shape, uint64_t seed) : random(seed) {
    int64_t padded = cpu::floatRowBytes(shape.outputs);
    spec.exact = {shape.outputs, shape.inputs, shape.format, shape.bias, shape.packed ? 4 * shape.outputs : padded};
    spec.count = shape.count;
    weights = std::make_unique<Memory>(spec.exact.bytes());
    in = std::make_unique<Memory>(kPaddedRows * spec.exact.inStride());
    preview = std::make_unique<Memory>(kPaddedRows * padded);
    fill(*weights, spec.exact.bytes());
    fill(*in, kPaddedRows * spec.exact.inStride());
    for (int64_t r = 0; r < kRows; ++r)
      fillPreview(r);
  }

  cpu::PreviewSpec spec;
  test::Random random;
  std::unique_ptr<Memory> weights, in, preview;
  int product = 0, rescored = 0; ///< kernels

  /// Numbers of either format.
  void fill(Memory &memory, int64_t bytes) {
    if (spec.exact.bf16())
      for (int64_t i = 0; i < bytes / 2; ++i)
        reinterpret_cast<uint16_t *>(memory.data())[i] = test::toBf16(random.real());
    else
      for (int64_t i = 0; i < bytes / 4; ++i)
        memory.floats(0)[i] = random.real();
  }

  float *previewRow(int64_t r) const { return preview->floats(r * cpu::floatRowBytes(spec.exact.outputs)); }

  // Row 0: numbers; 1: few that differ, of either sign; 2: all equal; 3: both zeros and the least numbers; 4: with
  // infinities and such as are none; 5: none but one. Beyond the last output stands what is greater than all.
  void fillPreview(int64_t r) {
    float *row = previewRow(r);
    const float tiny = std::numeric_limits<float>::denorm_min();
    const float zeros[] = {0.0f, -0.0f, tiny, -tiny};
    for (int64_t n = 0; n < spec.exact.outputs; ++n) {
      float x = random.real();
      row[n] = r == 1 ? std::round(3 * x) : r == 2 ? -1.5f : r == 3 ? zeros[n % 4] : r == 5 ? std::nanf("") : x;
      if (r == 4 && n % 5 < 3)
        row[n] = n % 5 == 0 ? std::nanf("") : n % 5 == 1 ? -kInfinity : kInfinity;
    }
    if (r == 5)
      row[spec.exact.outputs / 2] = -3;
    std::fill(row + spec.exact.outputs, row + cpu::roundUp(spec.exact.outputs, 16), 1e30f);
  }

  void add(test::KernelHarness &harness) {
    product = harness.add(cpu::linearKernel(harness.library(), spec.exact));
    rescored = harness.add(cpu::previewLinearKernel(harness.library(), spec));
  }

  std::vector<float> row(const Memory &memory, int64_t r) const {
    const float *from = memory.floats(r * spec.exact.outStride);
    return std::vector<float>(from, from + spec.exact.outputs);
  }
};

/// Which are wanted: the greatest, of equal ones those of smaller ids.
std::vector<bool> wanted(const float *preview, int64_t outputs, int64_t count) {
  std::vector<int64_t> order(static_cast<size_t>(outputs));
  std::iota(order.begin(), order.end(), 0);
  order.erase(std::remove_if(order.begin(), order.end(), [&](int64_t n) { return !(preview[n] > -kInfinity); }),
              order.end());
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return preview[a] > preview[b] || (preview[a] == preview[b] && a < b); });
  std::vector<bool> found(static_cast<size_t>(outputs));
  for (size_t i = 0; i < order.size() && i < static_cast<size_t>(count); ++i)
    found[static_cast<size_t>(order[i])] = true;
  return found;
}

using PreviewLinear = test::KernelTest<test::CompiledProblems<Problem, kShapes>>;

TEST_P(PreviewLinear, IsTheProductWhereThePreviewIsGreat) {
  for (const auto &problem : library->problems) {
    const cpu::LinearSpec &spec = problem->spec.exact;
    Memory all(kPaddedRows * spec.outStride), out(kPaddedRows * spec.outStride), scratch(128);
    library->harness.call(problem->product, {*problem->in, *problem->weights, all, 0, kRows, 0, spec.panels()});
    library->harness.call(problem->rescored,
                          {*problem->in, *problem->preview, *problem->weights, out, scratch, 0, kRows});
    for (int64_t r = 0; r < kRows; ++r) {
      std::vector<float> whole = problem->row(all, r), found = problem->row(out, r);
      std::vector<bool> chosen = wanted(problem->previewRow(r), spec.outputs, problem->spec.count);
      for (int64_t n = 0; n < spec.outputs; ++n) {
        float expected = chosen[size_t(n)] ? whole[size_t(n)] : problem->previewRow(r)[n];
        ASSERT_EQ(std::memcmp(&found[size_t(n)], &expected, 4), 0)
            << spec.outputs << " outputs, row " << r << ", " << n << ": " << found[size_t(n)] << " for " << expected;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cpus, PreviewLinear,
    testing::ValuesIn(test::distinct({"native", "x86-64", "x86-64-v3", "skylake-avx512", "znver5"})), test::nameOfCpu);

} // namespace
