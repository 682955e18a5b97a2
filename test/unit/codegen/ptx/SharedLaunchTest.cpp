// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Launches that do the work of several, on the interpreter, plain and strict: products of several matrices with the
// same rows leave the bits that one launch for each leaves, and so do products that make their rows themselves (norm
// and sum, parts of attention); all formats, tiles that are not whole, results padded and not, more rows than a block
// has.
#include "codegen/ptx/linear/LinearDecode.h"
#include "test/unit/codegen/ptx/GroupedWeights.h"
#include "test/unit/codegen/ptx/LinearProblem.h"
#include "test/unit/codegen/ptx/RowRun.h"

#include "lmopt/abi.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::LinearDecodeSpec;
using nvptx::RowSpec;
using nvptx::RowStep;
using nvptx::RowStepKind;

namespace {

/// What is multiplied, and how its rows are stored.
struct Format {
  const char *name;
  LinearSpec linear; ///< outputs are a test's
  RowStepKind store;
};

std::vector<Format> formats() {
  std::vector<Format> all = {{"F32", {0, 72, WeightFormat::F32, true}, RowStepKind::StoreFloats},
                             {"Bf16", {0, 600, WeightFormat::Bf16, false}, RowStepKind::StoreHalves},
                             {"S8", {0, 1280, WeightFormat::S8Rows, true}, RowStepKind::StoreCodes}};
  for (const GroupFormat &format : groupFormats())
    if (format.group <= 128) // what rows are stored in
      all.push_back({format.name, format.spec(0, 9 * format.group, true), RowStepKind::StoreGroups});
  return all;
}

std::vector<char> weightsOf(const LinearSpec &spec) {
  return spec.isGrouped() ? GroupedWeights(spec, unsigned(spec.outputs)).packed() : LinearProblem(spec, 1).packed();
}

/// Codes with what belongs to them, or rows alone.
std::vector<size_t> operandBytes(const LinearSpec &spec, int64_t rows) {
  nvptx::GroupedRow grouped = {spec.inputs, std::max<int64_t>(spec.group, 1)};
  std::vector<size_t> bytes = {size_t(rows * spec.rowBytes())};
  if (spec.isInteger())
    bytes.insert(bytes.end(), 2, size_t(rows * 4));
  if (spec.isGrouped())
    bytes.push_back(size_t(rows * grouped.groupsBytes()));
  return bytes;
}

std::vector<Argument> storedRows(const Format &format, int64_t rows) {
  RowStep store = {format.store, {0}};
  store.size = format.linear.group;
  std::vector<size_t> sizes = operandBytes(format.linear, rows);
  for (size_t i = 0; i < sizes.size(); ++i)
    store.pointers.push_back(int64_t(i) + 1);
  std::vector<Argument> stored;
  Rows numbers(format.linear.inputs, 5, rows);
  for (const std::vector<char> &part : resultsOf({format.linear.inputs, {{RowStepKind::Load, {}, {0}}, store}},
                                                 {memory(numbers.numbers)}, sizes, "sm_80", rows))
    stored.push_back(memory(part));
  return stored;
}

/// Products of the same rows in one launch.
struct Products {
  LinearDecodeSpec spec;
  int64_t rows;
  std::vector<int64_t> strides;

  std::vector<LinearSpec> matrices() const { return nvptx::matricesOf(spec.linear, spec.beside); }
  /// What matrix `which` gives; those of the others are memory, too.
  std::vector<char> resultOf(size_t which, const std::vector<Argument> &before) const {
    return finishedOf(which, before).result;
  }
  Finished finishedOf(size_t which, const std::vector<Argument> &before) const {
    std::vector<Argument> arguments;
    for (const LinearSpec &matrix : matrices())
      arguments.push_back(memory(weightsOf(matrix)));
    arguments.insert(arguments.end(), before.begin(), before.end());
    for (size_t i = 0; i < strides.size(); ++i) {
      auto bytes = size_t(rows * strides[i]);
      arguments.push_back(i == which ? result(bytes) : memory(std::vector<char>(bytes)));
      arguments.push_back(number(strides[i]));
    }
    arguments.push_back(number(rows));
    EmittedKernel kernel =
        emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return linearDecodeKernel(kernels, spec); });
    Finished finished =
        run(kernel, {uint32_t(nvptx::tilesOf(matrices())), uint32_t((rows + spec.rows - 1) / spec.rows), 1}, arguments);
    EXPECT_EQ(finished.error, "");
    return finished;
  }
};

class SharedLaunch : public testing::TestWithParam<Format> {};

TEST_P(SharedLaunch, GivesWhatALaunchForEachMatrixGives) {
  const std::vector<int64_t> outputs = {40, 5, 17};
  Format format = GetParam();
  for (int64_t rows : {3, 11}) {
    std::vector<Argument> stored = storedRows(format, rows);
    format.linear.outputs = outputs[0];
    Products together = {{format.linear, 8, {outputs[1], outputs[2]}}, rows, {}};
    for (int64_t count : outputs)
      together.strides.push_back(count == 5 ? 4 * count : nvptx::rowBytes(count, 4));
    for (size_t i = 0; i < outputs.size(); ++i) {
      SCOPED_TRACE(std::to_string(outputs[i]) + " outputs, " + std::to_string(rows) + " rows");
      LinearSpec alone = format.linear;
      alone.outputs = outputs[i];
      EXPECT_EQ(together.resultOf(i, stored), (Products{{alone, 8}, rows, {together.strides[i]}}.resultOf(0, stored)));
    }
  }
}

//===--- Products that make their rows ---===//

/// Steps whose last two keep a sum in memory (pointer `sum`) and store what a product reads, from pointer `stored` on.
struct Making {
  std::vector<RowStep> steps;
  std::vector<Argument> inputs;
  bool hasSum;
};

/// The sum of two rows, its norm, turned in blocks across warps where the width allows it.
Making normOfSum(const Format &format, int64_t rows) {
  int64_t width = format.linear.inputs;
  Rows a(width, 1, rows), c(width, 2, rows), factors(width, 3, 1);
  RowStep turn = {RowStepKind::Rotate, {3}};
  turn.size = width % 256 == 0 ? 256 : 8;
  return {{{RowStepKind::Load, {}, {0}},
           {RowStepKind::Load, {}, {1}},
           {RowStepKind::Add, {0, 1}},
           {RowStepKind::RmsNorm, {2}, {2}, Activation::Relu, 1e-5F},
           turn,
           {RowStepKind::StoreFloats, {2}, {3}}},
          {memory(a.numbers), memory(c.numbers), memory(factors.numbers)},
          true};
}

/// Attention of heads of eight, in one part, two, or all three that there is room for.
Making joinedParts(const Format &format, int64_t rows) {
  int64_t heads = format.linear.inputs / 8;
  std::vector<lmopt_device_row_t> table(static_cast<size_t>(rows));
  for (int64_t row = 0; row < rows; ++row)
    table[size_t(row)].position = int32_t(255 + 200 * row);
  Rows parts(rows * heads * 3 * 10, 4, 1); // sums of weights must not vanish
  for (size_t i = 9; i < parts.numbers.size(); i += 10)
    parts.numbers[i] = 1 + std::fabs(parts.numbers[i]);
  RowStep join = {RowStepKind::JoinParts, {}, {0, 1, 2}};
  join.size = 8;
  return {{join}, {memory(parts.numbers), memory(table), number(3)}, false};
}

/// What the row kernel stores for the product, then the sum if there is one.
std::vector<std::vector<char>> storedBy(const Making &making, const Format &format, RowStep store, int64_t rows) {
  std::vector<size_t> sizes = operandBytes(format.linear, rows);
  auto first = int64_t(making.inputs.size());
  if (making.hasSum)
    sizes.insert(sizes.begin(), size_t(rows * nvptx::rowBytes(format.linear.inputs, 4)));
  for (size_t i = making.hasSum; i < sizes.size(); ++i)
    store.pointers.push_back(first + int64_t(i));
  RowSpec spec = {format.linear.inputs, making.steps};
  spec.steps.push_back(store);
  return resultsOf(spec, making.inputs, sizes, "sm_80", rows);
}

void expectSameBits(const Format &format, const Making &making, int64_t rows) {
  SCOPED_TRACE(std::to_string(rows) + " rows");
  RowStep store = {format.store, {making.hasSum ? 4 : 0}};
  store.size = format.linear.group;
  std::vector<std::vector<char>> stored = storedBy(making, format, store, rows);
  std::vector<Argument> operands, before = making.inputs;
  for (size_t i = making.hasSum; i < stored.size(); ++i)
    operands.push_back(memory(stored[i]));
  Products apart = {{format.linear, 8, {17}}, rows, {4 * 40, 4 * 17}}, together = apart;
  store.isOperand = true;
  RowSpec made = {format.linear.inputs, making.steps};
  made.steps.push_back(store);
  together.spec.made = {made, 2};
  if (making.hasSum)
    before.push_back(memory(std::vector<char>(stored[0].size())));
  for (size_t which : {0, 1})
    EXPECT_EQ(together.resultOf(which, before), apart.resultOf(which, operands)) << "matrix " << which;
  if (making.hasSum) {
    before.back() = result(stored[0].size());
    EXPECT_EQ(together.resultOf(2, before), stored[0]) << "the sum";
  }
}

TEST_P(SharedLaunch, MakesTheRowsThatItReads) {
  Format format = GetParam();
  format.linear.outputs = 40;
  for (int64_t rows : {1, 2})
    expectSameBits(format, normOfSum(format, rows), rows);
}

TEST_P(SharedLaunch, JoinsThePartsThatItReads) {
  Format format = GetParam();
  format.linear.outputs = 40;
  for (int64_t rows : {1, 2})
    expectSameBits(format, joinedParts(format, rows), rows);
}

// Weights as without the prologue; nothing that meets in shared memory meets in one bank.
TEST_P(SharedLaunch, ReadsWhatItMust) {
  Format format = GetParam();
  format.linear.outputs = 64, format.linear.inputs = 2048;
  Making making = normOfSum(format, 1);
  RowStep store = {format.store, {4}};
  store.size = format.linear.group, store.isOperand = true;
  RowSpec made = {2048, making.steps};
  made.steps.push_back(store);
  Products products = {{format.linear, 8, {}, nvptx::MadeRows{made, 2}}, 1, {4 * 64}};
  std::vector<Argument> before = making.inputs;
  before.push_back(memory(std::vector<char>(4 * 2048)));
  Finished finished = products.finishedOf(0, before);
  double rows = double(format.linear.tiles() * nvptx::bytesRead(made, 1));
  EXPECT_LE(32 * double(finished.counters.globalLoadSectors), 1.1 * (double(format.linear.bytes()) + rows));
  EXPECT_EQ(finished.counters.sharedWavefronts, finished.counters.sharedIdealWavefronts);
}

INSTANTIATE_TEST_SUITE_P(Formats, SharedLaunch, testing::ValuesIn(formats()),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
