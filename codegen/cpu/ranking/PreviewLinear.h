// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product that is computed where a preview of it is great, and is the preview elsewhere: what it is made from, and
// the kernel for it. See PreviewLinear.cpp for how. Tested by test/unit/codegen/PreviewLinearKernelTest.cpp and
// test/codegen/run-compiled/ranking.mlir.
#ifndef LMOPT_CODEGEN_CPU_RANKING_PREVIEWLINEAR_H
#define LMOPT_CODEGEN_CPU_RANKING_PREVIEWLINEAR_H

#include "codegen/cpu/linear/LinearSpec.h"

namespace lmopt::cpu {

struct PreviewSpec {
  LinearSpec exact;  ///< the product: of f32 or bf16; its outStride is that of the result
  int64_t count = 1; ///< of the greatest previews, which are computed anew
};

/// The preview in padded rows; 128 bytes of scratch: places of a panel, how many are left.
/// (in, preview, weights, out, scratch, rowBegin, rowEnd)
std::string previewLinearKernel(KernelLibrary &kernels, const PreviewSpec &spec);

} // namespace lmopt::cpu

#endif
