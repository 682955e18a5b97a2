// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pooling: one row for each segment, its mean, greatest numbers, first or last row, or several of these side by side.
// In: rows of floats as in rows/RowKernel.h, lmopt_device_segment_t of lmopt/abi.h. Out: rows of floats, the bits that
// codegen/cpu/pooling gives. Tested by test/unit/codegen/ptx/PoolTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_POOLING_POOLKERNEL_H
#define LMOPT_CODEGEN_PTX_POOLING_POOLKERNEL_H

#include "codegen/ptx/KernelLibrary.h"
#include "dialects/lm/Kinds.h"

namespace lmopt::nvptx {

/// (rows f32, segments' table, results [segments] f32). A block for each segment along x.
std::string poolKernel(KernelLibrary &kernels, int64_t width, const std::vector<Pooling> &poolings);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_POOLING_POOLKERNEL_H
