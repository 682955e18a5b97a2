// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pooling: one row for each sequence, of several kinds side by side. Tested by test/unit/codegen/StepKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_POOLING_POOLING_H
#define LMOPT_CODEGEN_CPU_POOLING_POOLING_H

#include "dialects/lm/Kinds.h"

#include <cstdint>
#include <string>
#include <vector>

namespace lmopt::cpu {

class KernelLibrary;

/// (in, out, step, segmentBegin, segmentEnd): one row for each segment. Of several kinds the width is whole vectors.
std::string poolKernel(KernelLibrary &kernels, int64_t width, const std::vector<Pooling> &poolings);

} // namespace lmopt::cpu

#endif
