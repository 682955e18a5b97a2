// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes in groups and rotations on the interpreter, bit for bit as the CPU's kernels make them: all sizes, widths
// around every edge of a turn, rows of zeros and groups that are small beside their row, plain and strict.
#include "codegen/cpu/Rows.h"
#include "test/unit/codegen/ptx/RowRun.h"

#include <algorithm>
#include <cmath>

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::GroupedRow;
using nvptx::RowSpec;
using nvptx::RowStep;
using Kind = nvptx::RowStepKind;

namespace {

/// A row as codegen/cpu/quantize/GroupedRows.cpp makes it.
struct Grouped {
  std::vector<int8_t> codes;
  std::vector<float> scales, sums;

  Grouped(const Rows &x, int64_t row, int64_t group) {
    for (int64_t first = 0; first < x.width; first += group) {
      float largest = largestOf(x, row, first, group);
      bool isZero = largest < 0x1p-90F;
      float inverse = isZero ? 0 : 127 / largest;
      int32_t total = 0;
      for (int64_t i = first; i < first + group; ++i) {
        codes.push_back(int8_t(std::nearbyint(x.at(row, i) * inverse)));
        total += codes.back();
      }
      scales.push_back(isZero ? 0 : largest / 127);
      sums.push_back(scales.back() * float(total));
    }
  }
  static float largestOf(const Rows &x, int64_t row, int64_t first, int64_t count) {
    float largest = 0;
    for (int64_t i = first; i < first + count; ++i)
      largest = std::max(largest, std::fabs(x.at(row, i)));
    return largest;
  }
};

void expectGroups(int64_t width, int64_t group) {
  SCOPED_TRACE(std::to_string(width) + " in groups of " + std::to_string(group));
  Rows x(width, 21);
  std::fill_n(x.numbers.begin() + x.stride, width, 0.0F); // the second row
  for (int64_t i = 0; i < group; ++i)                     // the first group of the third
    x.numbers[size_t(2 * x.stride + i)] *= 0x1p-89F;      // below and above what counts as zero
  RowStep store = {Kind::StoreGroups, {0}, {1, 2}};
  store.size = group;
  RowSpec spec = {width, {{Kind::Load, {}, {0}}, store}};
  GroupedRow layout = {width, group};
  auto found =
      resultsOf(spec, {memory(x.numbers)}, {size_t(kRows * layout.codeBytes()), size_t(kRows * layout.groupsBytes())});
  for (int64_t r = 0; r < kRows; ++r) {
    Grouped expected(x, r, group);
    for (int64_t i = 0; i < layout.codeBytes(); ++i)
      ASSERT_EQ(int8_t(found[0][size_t(r * layout.codeBytes() + i)]), i < width ? expected.codes[size_t(i)] : 0) << i;
    for (int64_t g = 0; g < layout.groups(); ++g) {
      auto at = size_t(r * layout.groupsBytes() / 4 + 2 * g);
      ASSERT_EQ(as<float>(found[1])[at], expected.scales[size_t(g)]) << g;
      ASSERT_EQ(as<float>(found[1])[at + 1], expected.sums[size_t(g)]) << g;
    }
  }
}

TEST(PtxRowGroups, AreThoseOfCpus) {
  for (int64_t width : {16, 48, 112, 1040})
    expectGroups(width, 16);
  for (int64_t width : {32, 96, 576, 1056})
    expectGroups(width, 32);
  for (int64_t width : {64, 2112})
    expectGroups(width, 64);
  for (int64_t width : {128, 3200})
    expectGroups(width, 128);
}

/// In the order of codegen/cpu/quantize/Rotation.cpp.
std::vector<float> rotated(const Rows &x, int64_t row, int64_t block) {
  std::vector<float> numbers(x.numbers.begin() + row * x.stride, x.numbers.begin() + row * x.stride + x.width);
  for (int64_t distance = 1; distance < block; distance *= 2)
    for (int64_t i = 0; i < x.width; ++i)
      if (!(i & distance)) {
        float a = numbers[size_t(i)], c = numbers[size_t(i + distance)];
        numbers[size_t(i)] = a + c, numbers[size_t(i + distance)] = a - c;
      }
  for (float &number : numbers)
    number *= 1.0F / std::sqrt(float(block));
  return numbers;
}

TEST(PtxRowGroups, RotationsAreThoseOfCpus) {
  struct Shape {
    int64_t width, block;
  };
  for (Shape shape : {Shape{3, 1},
                      {6, 2},
                      {12, 4},
                      {24, 8},
                      {2064, 16},
                      {1056, 32},
                      {576, 64},
                      {1152, 128},
                      {768, 256},
                      {3072, 512}}) {
    SCOPED_TRACE(std::to_string(shape.width) + " in blocks of " + std::to_string(shape.block));
    Rows x(shape.width, 22);
    RowStep rotate = {Kind::Rotate, {0}};
    rotate.size = shape.block;
    RowSpec spec = {shape.width, {{Kind::Load, {}, {0}}, rotate, {Kind::StoreFloats, {1}, {1}}}};
    std::vector<float> found = as<float>(resultOf(spec, {memory(x.numbers), result(x.numbers.size() * 4)}));
    for (int64_t r = 0; r < kRows; ++r) {
      std::vector<float> expected = rotated(x, r, shape.block);
      expected.resize(size_t(x.stride));
      for (int64_t i = 0; i < x.stride; ++i)
        ASSERT_EQ(found[size_t(r * x.stride + i)], expected[size_t(i)]) << i;
    }
  }
}

} // namespace
