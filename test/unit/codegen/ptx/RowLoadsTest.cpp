// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where row kernels get rows from, on the interpreter: tables and lists by number, positions, tables that lie as
// weights of a product, in each of their formats; bit for bit, odd widths, plain and strict.
#include "lmopt/abi.h"
#include "test/unit/codegen/ptx/GroupedWeights.h"
#include "test/unit/codegen/ptx/RowRun.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::LinearSpec;
using nvptx::RowSpec;
using nvptx::RowStep;
using nvptx::WeightFormat;
using Kind = nvptx::RowStepKind;

namespace {

TEST(PtxRowLoads, SumsOfRowsThatAreGathered) {
  for (int64_t width : kWidths) {
    Rows table(width, 3, 5), added(width, 4);
    std::vector<int32_t> numbers = {4, 0, 4};
    RowSpec spec = {
        width, {{Kind::Gather, {}, {0, 1}}, {Kind::Load, {}, {2}}, {Kind::Add, {0, 1}}, {Kind::StoreFloats, {2}, {3}}}};
    std::vector<float> found = as<float>(resultOf(
        spec, {memory(table.numbers), memory(numbers), memory(added.numbers), result(added.numbers.size() * 4)}));
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t i = 0; i < added.stride; ++i)
        ASSERT_EQ(found[size_t(r * added.stride + i)], table.at(numbers[size_t(r)], i) + added.at(r, i));
  }
}

TEST(PtxRowLoads, RowsOfAList) {
  for (int64_t width : kWidths) {
    Rows x(width, 5, 6);
    std::vector<int32_t> numbers = {1, 2, 5};
    RowSpec spec = {width, {{Kind::LoadListed, {}, {0, 1}}, {Kind::StorePacked, {0}, {2}}}};
    std::vector<float> found =
        as<float>(resultOf(spec, {memory(x.numbers), memory(numbers), result(size_t(4 * kRows * width))}));
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t i = 0; i < width; ++i)
        ASSERT_EQ(found[size_t(r * width + i)], x.at(numbers[size_t(r)], i));
  }
}

TEST(PtxRowLoads, SumsWithRowsOfPositions) {
  for (int64_t width : kWidths) {
    Rows x(width, 6), table(width, 7, 9);
    std::vector<lmopt_device_row_t> rows(kRows);
    rows[0].position = 8, rows[1].position = 0, rows[2].position = 3;
    RowSpec spec = {width, {{Kind::Load, {}, {0}}, {Kind::AddPositions, {0}, {1, 2}}, {Kind::StoreFloats, {1}, {3}}}};
    std::vector<float> found = as<float>(
        resultOf(spec, {memory(x.numbers), memory(table.numbers), memory(rows), result(x.numbers.size() * 4)}));
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t i = 0; i < x.stride; ++i)
        ASSERT_EQ(found[size_t(r * x.stride + i)], x.at(r, i) + table.at(rows[size_t(r)].position, i));
  }
}

/// A table in a format of weights, and what its numbers are.
struct Table {
  LinearSpec spec;
  std::vector<float> floats, scales;
  std::vector<uint16_t> halves;
  std::vector<int8_t> codes;

  Table(const LinearSpec &spec) : spec(spec) {
    std::mt19937 random(unsigned(spec.inputs));
    std::normal_distribution<float> normal;
    for (int64_t n = 0; n < spec.outputs; ++n)
      scales.push_back(0.001F * float(random() % 1000 + 1));
    for (int64_t i = 0; i < spec.outputs * spec.inputs; ++i) {
      floats.push_back(normal(random));
      uint32_t bits;
      std::memcpy(&bits, &floats.back(), 4);
      halves.push_back(uint16_t(bits >> 16));
      codes.push_back(int8_t(random() % 256));
    }
  }
  std::vector<char> packed() const {
    const void *numbers = spec.format == WeightFormat::S8Rows ? static_cast<const void *>(codes.data())
                          : spec.format == WeightFormat::Bf16 ? static_cast<const void *>(halves.data())
                                                              : floats.data();
    return packFragments(spec, {numbers, scales.data(), nullptr});
  }
  float number(int64_t n, int64_t k) const {
    auto i = size_t(n * spec.inputs + k);
    if (spec.format == WeightFormat::S8Rows)
      return float(codes[i]) * scales[size_t(n)];
    if (spec.format == WeightFormat::F32)
      return floats[i];
    uint32_t bits = uint32_t(halves[i]) << 16;
    float wide;
    std::memcpy(&wide, &bits, 4);
    return wide;
  }
};

TEST(PtxRowLoads, RowsOfWeightsOfAProduct) {
  for (WeightFormat format : {WeightFormat::F32, WeightFormat::Bf16, WeightFormat::S8Rows})
    for (int64_t width : kWidths) {
      SCOPED_TRACE(std::to_string(int(format)) + ", " + std::to_string(width));
      Table table({45, width, format, false});
      std::vector<int32_t> numbers = {44, 0, 27};
      RowStep gather = {Kind::GatherFragments, {}, {0, 1}};
      gather.table = table.spec;
      RowSpec spec = {width, {gather, {Kind::StoreFloats, {0}, {2}}}};
      std::vector<float> found = as<float>(
          resultOf(spec, {memory(table.packed()), memory(numbers), result(size_t(kRows * spec.floatBytes()))}));
      for (int64_t r = 0; r < kRows; ++r)
        for (int64_t i = 0; i < spec.floatBytes() / 4; ++i)
          ASSERT_EQ(found[size_t(r * spec.floatBytes() / 4 + i)], i < width ? table.number(numbers[size_t(r)], i) : 0)
              << r << ", " << i;
    }
}

TEST(PtxRowLoads, RowsOfNumbersOfEntries) {
  for (int64_t width : kWidths) {
    LinearSpec table = {45, width, WeightFormat::Codebook, false};
    std::mt19937 random{unsigned(width)};
    std::vector<uint8_t> codes;
    std::vector<float> entries, scales;
    for (int64_t i = 0; i < table.outputs * width; ++i)
      codes.push_back(uint8_t(random()));
    for (int i = 0; i < 256; ++i)
      entries.push_back(float(int(random() % 2001) - 1000) * 0.001F);
    for (int64_t n = 0; n < table.outputs; ++n)
      scales.push_back(0.001F * float(random() % 1000 + 1));
    std::vector<int32_t> numbers = {44, 0, 27};
    RowStep gather = {Kind::GatherFragments, {}, {0, 1}};
    gather.table = table;
    RowSpec spec = {width, {gather, {Kind::StoreFloats, {0}, {2}}}};
    std::vector<char> packed =
        packFragments(table, {codes.data(), scales.data(), nullptr, nullptr, nullptr, entries.data()});
    std::vector<float> found =
        as<float>(resultOf(spec, {memory(packed), memory(numbers), result(size_t(kRows * spec.floatBytes()))}));
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t i = 0; i < width; ++i) {
        auto n = size_t(numbers[size_t(r)]);
        ASSERT_EQ(found[size_t(r * spec.floatBytes() / 4 + i)],
                  entries[codes[n * size_t(width) + size_t(i)]] * scales[n])
            << width << ": " << r << ", " << i;
      }
  }
}

TEST(PtxRowLoads, RowsOfWeightsInGroups) {
  std::vector<GroupFormat> formats = groupFormats(), codebooks = codebookFormats();
  formats.insert(formats.end(), codebooks.begin(), codebooks.end());
  for (const GroupFormat &format : formats)
    for (int64_t groups : {1, 3, 8}) {
      SCOPED_TRACE(std::string(format.name) + ", " + std::to_string(groups));
      GroupedWeights table(format.spec(45, groups * format.group, false), unsigned(groups));
      std::vector<int32_t> numbers = {44, 0, 27};
      RowStep gather = {Kind::GatherFragments, {}, {0, 1}};
      gather.table = table.spec;
      RowSpec spec = {table.spec.inputs, {gather, {Kind::StoreFloats, {0}, {2}}}};
      std::vector<float> found = as<float>(
          resultOf(spec, {memory(table.packed()), memory(numbers), result(size_t(kRows * spec.floatBytes()))}));
      for (int64_t r = 0; r < kRows; ++r)
        for (int64_t i = 0; i < spec.width; ++i)
          ASSERT_EQ(found[size_t(r * spec.width + i)], table.number(numbers[size_t(r)], i)) << r << ", " << i;
    }
}

} // namespace
