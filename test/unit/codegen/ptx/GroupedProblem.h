// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product of random rows with weights in groups, for the tests of all its kernels, and what a result must be, bit for
// bit.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_GROUPEDPROBLEM_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_GROUPEDPROBLEM_H

#include "test/unit/codegen/ptx/GroupedWeights.h"

#include <cmath>

namespace lmopt::kerneltest {

using nvptx::GroupedRow;
using nvptx::LinearSpec;

/// Random rows as StoreGroups leaves them, and weights.
struct GroupedProblem {
  GroupedWeights weights;
  const LinearSpec &spec = weights.spec;
  int64_t rows;
  GroupedRow layout{spec.inputs, spec.group};
  std::vector<int8_t> codes;
  struct Numbers {
    float scale, sum;
  };
  std::vector<Numbers> groups;

  GroupedProblem(const LinearSpec &spec, int64_t rows)
      : weights(spec, unsigned(spec.outputs * 31 + spec.inputs * 7 + rows)), rows(rows),
        codes(size_t(rows * layout.codeBytes())), groups(size_t(rows * layout.groupsBytes() / 8)) {
    std::mt19937 random{unsigned(rows)};
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t k = 0; k < spec.inputs; ++k)
        codes[size_t(row * layout.codeBytes() + k)] = int8_t(int(random() % 255) - 127);
      for (int64_t g = 0; g < layout.groups(); ++g)
        numbers(row, g) = {std::ldexp(float(random() % 1000 + 1), -16 - int(random() % 24)), 0};
      for (int64_t g = 0; g < layout.groups(); ++g)
        numbers(row, g).sum = float(sumOfCodes(row, g)) * numbers(row, g).scale;
    }
  }
  Numbers &numbers(int64_t row, int64_t g) { return groups[size_t(row * layout.groupsBytes() / 8 + g)]; }
  const Numbers &numbers(int64_t row, int64_t g) const { return groups[size_t(row * layout.groupsBytes() / 8 + g)]; }
  int code(int64_t row, int64_t k) const { return codes[size_t(row * layout.codeBytes() + k)]; }
  int sumOfCodes(int64_t row, int64_t g) const {
    int sum = 0;
    for (int64_t k = g * spec.group; k < (g + 1) * spec.group; ++k)
      sum += code(row, k);
    return sum;
  }

  float expected(int64_t row, int64_t n) const {
    float sum = 0;
    for (int64_t g = 0; g < layout.groups(); ++g) {
      int32_t dot = 0;
      for (int64_t k = g * spec.group; k < (g + 1) * spec.group; ++k)
        dot += weights.code(n, k) * code(row, k);
      size_t place = weights.groupOf(n, g * spec.group);
      // Small ones are multiples of their unit, which comes at the end.
      float unit = spec.smallScales ? weights.units[size_t(n)] : 1;
      float scale = unit == 0 ? 0 : std::nearbyint(weights.scales[place] / unit);
      float sixteenths = scale == 0 ? 0 : std::nearbyint(-16 * weights.minima[place] / weights.scales[place]);
      scale = spec.smallScales ? scale : weights.scales[place];
      float minimum = spec.smallScales ? scale * -0.0625F * sixteenths : weights.minima[place];
      volatile float factor = scale * numbers(row, g).scale; // no fused operation
      sum = std::fma(float(dot), factor, sum);
      sum = spec.hasMin ? std::fma(minimum, numbers(row, g).sum, sum) : sum;
    }
    volatile float result = sum; // no fused operation
    if (spec.smallScales)
      result = result * weights.units[size_t(n)];
    return spec.bias ? result + weights.bias[size_t(n)] : result;
  }
};

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_GROUPEDPROBLEM_H
