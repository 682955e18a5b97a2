// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Marks of the greatest numbers of rows on the interpreter against sorting: every count, widths of one block and
// several and of no round number, ties within and across blocks, NaN, infinities, both zeros; numbers are copied.
// Products of marked outputs: the bits of the whole product where there is a mark, nothing elsewhere, and no weights
// read for tiles without one. Plain and strict.
#include "codegen/ptx/ranking/GreatestMarks.h"
#include "codegen/ptx/linear/LinearDecode.h"
#include "test/unit/codegen/ptx/GreatestRun.h"
#include "test/unit/codegen/ptx/ProductOperands.h"

#include <numeric>

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::GreatestMarksSpec;
using nvptx::LinearDecodeSpec;
using nvptx::MarkedBlock;

namespace {

//===--- Marks ---===//

struct Numbers {
  size_t width, rows, padded = size_t(nvptx::rowBytes(int64_t(width), 4)) / 4;
  std::vector<float> all = std::vector<float>(rows * padded);

  Numbers(size_t width, size_t rows) : width(width), rows(rows) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    for (float &number : all)
      number = normal(random);
  }
  float &at(size_t row, size_t i) { return all[row * padded + i]; }

  /// Words of a row's tiles.
  std::vector<uint32_t> marks(size_t row, size_t count) const {
    std::vector<uint32_t> words(size_t(MarkedBlock::bytesOf(int64_t(width))) / 4);
    for (size_t i : chosen(&all[row * padded], width, count))
      words[i / 16] |= 1U << i % 16;
    return words;
  }
};

struct Marked {
  std::vector<uint32_t> marks;
  std::vector<float> copied;
};

Marked mark(const Numbers &numbers, int64_t count, int64_t stride) {
  GreatestMarksSpec spec = {int64_t(numbers.width), count};
  std::array<uint32_t, 3> grid = {uint32_t(spec.blocks()), uint32_t(numbers.rows), 1};
  std::vector<char> scratch(numbers.rows * size_t(spec.scratchBytes()), 0x5a);
  for (int64_t digit = 0; digit < GreatestMarksSpec::kDigits; ++digit) {
    EmittedKernel kernel =
        emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return rankDigitKernel(kernels, spec, digit); });
    Finished finished = run(kernel, grid, {memory(numbers.all), memory(scratch)});
    EXPECT_EQ(finished.error, "");
    scratch = finished.memory[1];
  }
  EmittedKernel kernel =
      emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return greatestMarksKernel(kernels, spec, stride); });
  std::vector<char> out(numbers.rows * size_t(stride), 0x5a);
  size_t bytes = numbers.rows * size_t(MarkedBlock::bytesOf(spec.width));
  Finished finished = run(kernel, grid, {memory(numbers.all), memory(scratch), result(bytes), memory(out)});
  EXPECT_EQ(finished.error, "");
  return {as<uint32_t>(finished.result), as<float>(finished.memory[3])};
}

void expectMarks(const Numbers &numbers, size_t count) {
  SCOPED_TRACE(testing::Message() << count << " of " << numbers.width);
  std::vector<uint32_t> expected;
  for (size_t row = 0; row < numbers.rows; ++row)
    for (uint32_t word : numbers.marks(row, count))
      expected.push_back(word);
  EXPECT_EQ(mark(numbers, int64_t(count), int64_t(4 * numbers.width)).marks, expected);
}

TEST(PtxGreatestMarks, EveryWidthAndCount) {
  for (size_t width : {1, 17, 2049, 5000})
    for (size_t count : {1, 200, 2500})
      if (count <= width)
        expectMarks(Numbers(width, 2), count);
  expectMarks(Numbers(20000, 1), 1000); // ten blocks: counts are added in two turns
}

// Some of equal ones are marked, the first ones: within a warp, over warps and over blocks.
TEST(PtxGreatestMarks, FirstOfEqualOnes) {
  Numbers numbers(4500, 4);
  for (size_t i = 0; i < numbers.width; ++i) {
    numbers.at(0, i) = 2.5F;
    numbers.at(1, i) = i % 2 ? 0.0F : -0.0F;
    numbers.at(2, i) = float(i % 3) - 1;
    numbers.at(3, i) = i % 1500 == 7 ? 1 : -1e-40F;
  }
  for (size_t count : {1, 33, 2049, 4500})
    expectMarks(numbers, count);
}

TEST(PtxGreatestMarks, NoNumbersAreNotAmongThem) {
  Numbers numbers(2100, 4);
  for (size_t i = 0; i < numbers.width; ++i) {
    numbers.at(0, i) = std::nanf("");
    numbers.at(1, i) = i % 300 == 5 ? numbers.at(1, i) : -kInfinity;
    numbers.at(2, i) = i % 2 ? std::copysign(std::nanf(""), -1.0F) : numbers.at(2, i);
  }
  numbers.at(3, 2099) = numbers.at(3, 4) = kInfinity;
  for (size_t count : {1, 8, 1051})
    expectMarks(numbers, count);
}

TEST(PtxGreatestMarks, CopiesNumbers) {
  for (size_t width : {13, 2050}) {
    Numbers numbers(width, 3);
    numbers.at(1, 2) = std::nanf("");
    for (size_t stride : {width, numbers.padded}) {
      std::vector<float> found = mark(numbers, 2, int64_t(4 * stride)).copied;
      for (size_t row = 0; row < 3; ++row) {
        EXPECT_EQ(std::memcmp(&found[row * stride], &numbers.at(row, 0), 4 * width), 0);
        for (size_t i = width; i < stride; ++i)
          EXPECT_EQ(found[row * stride + i], 0);
      }
    }
  }
}

//===--- Products ---===//

struct Product {
  LinearDecodeSpec spec;
  int64_t rows;
  std::vector<Argument> operands;
  std::vector<uint32_t> marks;

  /// `most`: rows of a block.
  template <class Problem>
  Product(const Problem &problem, int64_t most)
      : spec{problem.spec, most}, rows(problem.rows), operands(operandsOf(problem)),
        marks(size_t(rows * spec.linear.tiles())) {
    std::mt19937 random(11);
    for (uint32_t &word : marks)
      word = random() % 3 ? 0 : random() & 0xffff;
  }
  bool isMarked(int64_t row, int64_t n) const {
    return marks[size_t(row * spec.linear.tiles() + n / 16)] >> n % 16 & 1;
  }
  Finished multiply(bool marked, std::vector<char> results) const {
    LinearDecodeSpec own = spec;
    own.marked = marked;
    EmittedKernel kernel = emit("sm_80", [&](auto &kernels) { return linearDecodeKernel(kernels, own); });
    std::vector<Argument> arguments = operands;
    arguments.insert(arguments.end(), {memory(results), number(4 * spec.linear.outputs), number(rows)});
    if (marked)
      arguments.push_back(memory(marks));
    return run(kernel, {uint32_t(spec.linear.tiles()), uint32_t((rows + spec.rows - 1) / spec.rows), 1}, arguments);
  }
  /// The results alone.
  std::vector<uint32_t> resultsOf(bool marked) const {
    std::vector<char> before(size_t(4 * rows * spec.linear.outputs), 0x5a);
    Finished finished = multiply(marked, before);
    EXPECT_EQ(finished.error, "");
    return as<uint32_t>(finished.memory[finished.memory.size() - (marked ? 2 : 1)]);
  }
};

void expectMarked(const Product &product) {
  std::vector<uint32_t> whole = product.resultsOf(false), found = product.resultsOf(true);
  for (int64_t row = 0, i = 0; row < product.rows; ++row)
    for (int64_t n = 0; n < product.spec.linear.outputs; ++n, ++i)
      ASSERT_EQ(found[size_t(i)], product.isMarked(row, n) ? whole[size_t(i)] : 0x5a5a5a5a) << row << ", " << n;
}

TEST(PtxMarkedProduct, MakesWhatIsMarked) {
  for (WeightFormat format : {WeightFormat::F32, WeightFormat::Bf16, WeightFormat::S8Rows})
    for (int64_t rows : {1, 3, 40, 70}) {
      int64_t most = format == WeightFormat::F32 || rows <= 8 ? 8 : 64;
      expectMarked(Product(LinearProblem({100, 72, format, true}, rows), most));
    }
}
TEST(PtxMarkedProduct, MakesWhatIsMarkedOfGroups) {
  for (const std::vector<GroupFormat> &formats : {groupFormats(), codebookFormats()})
    for (const GroupFormat &format : formats) {
      SCOPED_TRACE(format.name);
      expectMarked(Product(GroupedProblem(format.spec(100, 2 * format.group, true), 3), 8));
      expectMarked(Product(GroupedProblem(format.spec(100, format.group, false), 21), 16));
    }
}

/// Sectors that are read where two tiles of many are marked.
uint64_t sectorsOfTwo(Product product) {
  std::fill(product.marks.begin(), product.marks.end(), 0);
  product.marks[7] = 1, product.marks[30] = 0x8000;
  return product.multiply(true, std::vector<char>(size_t(4 * product.spec.linear.outputs))).counters.globalLoadSectors;
}

TEST(PtxMarkedProduct, ReadsMarkedTilesOnly) {
  Product product(LinearProblem({640, 1024, WeightFormat::F32, false}, 1), 8);
  // Two tiles with the rows for them; a sector of marks for each warp of each block.
  EXPECT_LE(sectorsOfTwo(product), 2 * (16 + 1) * 1024 * 4 / 32 + 40 * 8 * 2);
  std::vector<char> results(size_t(4 * 640));
  EXPECT_GE(product.multiply(false, results).counters.globalLoadSectors, 640 * 1024 * 4 / 32U);
}
TEST(PtxMarkedProduct, ReadsMarkedTilesOfGroupsOnly) {
  GroupedProblem problem(groupFormats().front().spec(640, 1024, false), 1); // 8 bits in groups of 32
  constexpr uint64_t ofTile = 16 * (1024 + 2 * 32) / 32, ofRow = (1024 + 8 * 32) / 32;
  EXPECT_LE(sectorsOfTwo(Product(problem, 8)), 2 * (ofTile + ofRow) + 40 * 8 * 2);
}

} // namespace
