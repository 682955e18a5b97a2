// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product of random rows with weights that are numbers of 256 f32 entries, for the tests of all its kernels, and
// within what a result must be: the rounding of its sum.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_CODEBOOKPROBLEM_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_CODEBOOKPROBLEM_H

#include "codegen/ptx/linear/Fragments.h"

#include "gtest/gtest.h"

#include <cmath>
#include <random>

namespace lmopt::kerneltest {

using nvptx::LinearSpec;
using nvptx::WeightFormat;

/// Random weights, entries and rows.
struct CodebookProblem {
  LinearSpec spec;
  int64_t rows;
  std::vector<uint8_t> codes;
  std::vector<float> scales, bias, table, x;

  CodebookProblem(int64_t outputs, int64_t inputs, int64_t rows, bool bias)
      : spec{outputs, inputs, WeightFormat::Codebook, bias}, rows(rows), x(size_t(rows * spec.rowBytes() / 4)) {
    std::mt19937 random(unsigned(outputs * 31 + inputs * 7 + rows));
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < outputs * inputs; ++i)
      codes.push_back(uint8_t(random()));
    for (int i = 0; i < 256; ++i)
      table.push_back(normal(random));
    for (int64_t n = 0; n < outputs; ++n)
      scales.push_back(0.001F * float(random() % 1000 + 1)), this->bias.push_back(normal(random));
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t k = 0; k < inputs; ++k)
        x[size_t(row * spec.rowBytes() / 4 + k)] = normal(random);
  }
  std::vector<char> packed() const {
    return packFragments(spec, {codes.data(), scales.data(), bias.data(), nullptr, nullptr, table.data()});
  }
  void check(int64_t row, int64_t n, float found) const {
    double sum = 0, size = 0;
    for (int64_t k = 0; k < spec.inputs; ++k) {
      double product = double(table[codes[size_t(n * spec.inputs + k)]]) * x[size_t(row * spec.rowBytes() / 4 + k)];
      sum += product, size += std::fabs(product);
    }
    double scale = scales[size_t(n)], added = spec.bias ? bias[size_t(n)] : 0;
    // Sums of f32 in any order, as in LinearProblem.h, then a product and a sum.
    ASSERT_NEAR(found, sum * scale + added,
                std::ldexp((size * scale + std::fabs(added)) * double(spec.inputs + 3), -24))
        << row << ", " << n;
  }
};

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_CODEBOOKPROBLEM_H
