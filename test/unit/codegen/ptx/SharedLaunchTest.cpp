// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Launches that do the work of several, on the interpreter, plain and strict: products of several matrices with the
// same rows leave the bits that one launch for each leaves; all formats, tiles that are not whole, results padded and
// not, more rows than a block has.
#include "codegen/ptx/linear/LinearDecode.h"
#include "test/unit/codegen/ptx/GroupedWeights.h"
#include "test/unit/codegen/ptx/LinearProblem.h"
#include "test/unit/codegen/ptx/RowRun.h"

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
                             {"S8", {0, 1200, WeightFormat::S8Rows, true}, RowStepKind::StoreCodes}};
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
  if (spec.isInteger() || spec.isGrouped())
    bytes.insert(bytes.end(), {size_t(rows * 4), size_t(spec.isGrouped() ? rows * grouped.groupsBytes() : rows * 4)});
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
    return finished.result;
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

INSTANTIATE_TEST_SUITE_P(Formats, SharedLaunch, testing::ValuesIn(formats()),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
