// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The product without what is multiplied by zero, for GPUs (lm.nonzero_linear). In: rows of f32 of which many numbers
// are zero, rows of weights (NeuronRows.h: values only, and the bias as a row that is added). Out: rows of f32, y = sum
// over the numbers that are not zero of x[k] V[k], and the bias. A block has 32 columns and a row; a warp looks at 32
// numbers at once, votes which are not zero, and reads the rows of those alone, some on their way at once. Each result
// is one sum in a fixed order. Source: techniques 6.4, ptx.md 2. Tested by test/unit/codegen/ptx/ExpertsTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_CONDITIONAL_NONZEROLINEAR_H
#define LMOPT_CODEGEN_PTX_CONDITIONAL_NONZEROLINEAR_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/conditional/NeuronRows.h"

namespace lmopt::nvptx {

/// (rows, weights, results). nonzeroBlocks along x, rows along y.
std::string nonzeroLinearKernel(KernelLibrary &kernels, const NeuronRows &rows);
int64_t nonzeroBlocks(const NeuronRows &rows);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_CONDITIONAL_NONZEROLINEAR_H
