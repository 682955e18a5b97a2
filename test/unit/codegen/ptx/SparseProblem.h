// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product of codes without zero blocks, for the tests of all its kernels: it has the bits of the dense one.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_SPARSEPROBLEM_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_SPARSEPROBLEM_H

#include "codegen/ptx/linear/SparseDecode.h"
#include "test/unit/codegen/ptx/KernelRun.h"
#include "test/unit/codegen/ptx/LinearProblem.h"

namespace lmopt::kerneltest {

/// A dense problem of which a share of the blocks was made zero.
struct SparseProblem {
  LinearProblem dense;
  LinearSpec spec;

  SparseProblem(int64_t outputs, int64_t inputs, int64_t rows, bool bias, unsigned percent)
      : dense({outputs, inputs, WeightFormat::S8Rows, bias}, rows), spec(dense.spec) {
    std::mt19937 random{unsigned(outputs + inputs) + percent};
    for (int64_t tile = 0; tile < spec.tiles(); ++tile)
      for (int64_t k = 0; k < inputs; k += 4)
        if (random() % 100 >= percent)
          clear(tile, k);
    spec.format = WeightFormat::Blocks;
    spec.stored = nvptx::countBlocks(outputs, inputs, dense.codes.data());
  }
  void clear(int64_t tile, int64_t first) {
    for (int64_t n = 16 * tile; n < std::min(16 * tile + 16, spec.outputs); ++n)
      for (int64_t k = first; k < std::min(first + 4, spec.inputs); ++k)
        dense.codes[size_t(n * spec.inputs + k)] = 0;
  }
  std::vector<char> packed() const {
    return packFragments(spec, {dense.codes.data(), dense.scales.data(), dense.bias.data()});
  }
};

inline std::vector<Argument> argumentsOf(const SparseProblem &problem, const std::vector<char> &packed) {
  int64_t stride = 4 * problem.spec.outputs, rows = problem.dense.rows;
  return {memory(packed),
          memory(problem.dense.x),
          memory(problem.dense.rowScales),
          memory(problem.dense.zeros),
          number(problem.spec.stored),
          result(size_t(rows * stride)),
          number(stride),
          number(rows)};
}

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_SPARSEPROBLEM_H
