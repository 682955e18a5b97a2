// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a product reads, for tests of kernels that multiply by its body: packed weights, rows, and what belongs to
// codes, in the order of its arguments.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_PRODUCTOPERANDS_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_PRODUCTOPERANDS_H

#include "test/unit/codegen/ptx/GroupedProblem.h"
#include "test/unit/codegen/ptx/LinearTileRun.h"

namespace lmopt::kerneltest {

inline std::vector<Argument> operandsOf(const LinearProblem &problem) {
  std::vector<Argument> arguments = argumentsOf(problem, 4 * problem.spec.outputs);
  arguments.resize(arguments.size() - 3); // results, their distance, rows
  return arguments;
}
inline std::vector<Argument> operandsOf(const GroupedProblem &problem) {
  return {memory(problem.weights.packed()), memory(problem.codes), memory(problem.groups)};
}

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_PRODUCTOPERANDS_H
