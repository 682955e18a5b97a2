// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Launches of the kernels of products, for the tests of all of them. In: a problem; of tiles the outputs and rows of a
// block. Out: grid and arguments, runs, and whether results are right.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_LINEARTILERUN_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_LINEARTILERUN_H

#include "codegen/ptx/linear/LinearTile.h"
#include "test/unit/codegen/ptx/KernelRun.h"
#include "test/unit/codegen/ptx/LinearProblem.h"

namespace lmopt::kerneltest {

inline uint32_t blocks(int64_t count, int64_t ofBlock) { return uint32_t((count + ofBlock - 1) / ofBlock); }

/// `stride`: bytes from one row of results to the next.
inline std::vector<Argument> argumentsOf(const LinearProblem &problem, int64_t stride) {
  std::vector<Argument> arguments = {memory(problem.packed()), memory(problem.x)};
  if (problem.spec.isInteger())
    arguments.insert(arguments.end(), {memory(problem.rowScales), memory(problem.zeros)});
  // The last row ends with its outputs: what is written beyond them is found.
  int64_t ofLast = stride == nvptx::rowBytes(problem.spec.outputs, 4) ? stride : 4 * problem.spec.outputs;
  arguments.insert(arguments.end(),
                   {result(size_t((problem.rows - 1) * stride + ofLast)), number(stride), number(problem.rows)});
  return arguments;
}

inline std::array<uint32_t, 3> gridOf(const LinearProblem &problem, int64_t outputs, int64_t rows) {
  return {blocks(problem.spec.tiles() * LinearSpec::kTile, outputs), blocks(problem.rows, rows), 1};
}

/// Results are right, the padding behind them is zero, and nothing else is touched.
inline void expectResults(const LinearProblem &problem, int64_t stride, const std::vector<char> &result) {
  std::vector<float> found = as<float>(result);
  bool isPadded = stride == nvptx::rowBytes(problem.spec.outputs, 4);
  for (int64_t i = 0; i < int64_t(found.size()); ++i) {
    int64_t row = i * 4 / stride, n = i - row * stride / 4;
    if (n < problem.spec.outputs)
      problem.check(row, n, found[size_t(i)]);
    else
      EXPECT_EQ(found[size_t(i)] == 0, isPadded) << row << ", " << n;
  }
}

inline void expectRight(const EmittedKernel &kernel, const std::array<uint32_t, 3> &grid, const LinearProblem &problem,
                        int64_t stride) {
  const LinearSpec &linear = problem.spec;
  SCOPED_TRACE(std::to_string(linear.outputs) + " x " + std::to_string(linear.inputs) + ", " +
               std::to_string(problem.rows) + " rows");
  Finished finished = run(kernel, grid, argumentsOf(problem, stride));
  ASSERT_EQ(finished.error, "");
  expectResults(problem, stride, finished.result);
}

//===--- Tiles of operands, whatever computes them ---===//

inline std::array<uint32_t, 3> gridOf(const nvptx::LinearTileSpec &spec, const LinearProblem &problem) {
  return gridOf(problem, nvptx::LinearTileSpec::kTiles * LinearSpec::kTile, spec.rows);
}
inline Finished once(const EmittedKernel &kernel, const nvptx::LinearTileSpec &spec, const LinearProblem &problem,
                     std::optional<uint64_t> seed = std::nullopt) {
  return runOnce(kernel, gridOf(spec, problem), argumentsOf(problem, 4 * spec.linear.outputs), seed);
}

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_LINEARTILERUN_H
