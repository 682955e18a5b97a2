// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of row kernels share: random rows, padded as kernels want them, and a run of a list of steps.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_ROWRUN_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_ROWRUN_H

#include "codegen/ptx/rows/RowKernel.h"
#include "test/unit/codegen/ptx/KernelRun.h"

#include <random>

namespace lmopt::kerneltest {

constexpr int64_t kRows = 3;

/// Rows of numbers, padded with zeros as the kernel wants them.
struct Rows {
  int64_t width, stride;
  std::vector<float> numbers;

  Rows(int64_t width, unsigned seed, int64_t rows = kRows, float scale = 1)
      : width(width), stride((width + 7) / 8 * 8), numbers(size_t(rows * stride)) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, scale);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < width; ++i)
        numbers[size_t(r * stride + i)] = normal(random);
  }
  float at(int64_t row, int64_t i) const { return numbers[size_t(row * stride + i)]; }
};

inline EmittedKernel emitRows(const nvptx::RowSpec &spec, const std::string &chip = "sm_80") {
  return emit(chip, [&](nvptx::KernelLibrary &kernels) { return rowKernel(kernels, spec); });
}

inline std::vector<char> resultOf(const nvptx::RowSpec &spec, const std::vector<Argument> &arguments,
                                  const std::string &chip = "sm_80") {
  return run(emitRows(spec, chip), {uint32_t(kRows), 1, 1}, arguments).result;
}

/// Around every edge of a turn.
const int64_t kWidths[] = {1, 7, 8, 30, 64, 576, 1024, 1030, 2048, 3001};

/// What the kernel leaves in each of its results, whose sizes are `sizes`, behind the other arguments. One run for
/// each: a run gives back one.
inline std::vector<std::vector<char>> resultsOf(const nvptx::RowSpec &spec, const std::vector<Argument> &inputs,
                                                const std::vector<size_t> &sizes, const std::string &chip = "sm_80",
                                                int64_t rows = kRows) {
  EmittedKernel kernel = emitRows(spec, chip);
  std::vector<std::vector<char>> found;
  for (size_t which = 0; which < sizes.size(); ++which) {
    std::vector<Argument> arguments = inputs;
    for (size_t i = 0; i < sizes.size(); ++i)
      arguments.push_back(i == which ? result(sizes[i]) : memory(std::vector<char>(sizes[i])));
    found.push_back(run(kernel, {uint32_t(rows), 1, 1}, arguments).result);
  }
  return found;
}

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_ROWRUN_H
