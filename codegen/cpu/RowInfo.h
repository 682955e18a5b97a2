// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a kernel must know of a row of the step: which cache, which position. A table in the memory of each thread,
// filled once a step. Tested by test/unit/codegen/StepKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_ROWINFO_H
#define LMOPT_CODEGEN_CPU_ROWINFO_H

#include <cstdint>
#include <string>

namespace lmopt::cpu {

class KernelLibrary;

/// What a kernel must know of a row: filled once per step and thread by the `describe_rows` kernel.
/// cache pointer, capacity, position, number of the rope table: 32 bytes.
constexpr int64_t kRowInfoBytes = 32;

/// (step, rowInfo): fills the table of rows.
std::string describeRowsKernel(KernelLibrary &kernels);

} // namespace lmopt::cpu

#endif
