// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The greatest results of a product, certified by bounds: what it is made from, and the kernel for it. See
// TopLinear.cpp for how and why. Tested by test/unit/codegen/TopLinearKernelTest.cpp and
// test/codegen/run-compiled/ranking.mlir.
#ifndef LMOPT_CODEGEN_CPU_RANKING_TOPLINEAR_H
#define LMOPT_CODEGEN_CPU_RANKING_TOPLINEAR_H

#include "codegen/cpu/linear/LinearSpec.h"
#include "dialects/lm/weights/WeightData.h"

namespace lmopt::cpu {

/// Bounds, packed: [P][16] norms of what the preview of a row of weights lacks; [P][16] norms of the rows themselves.
struct TopSpec {
  LinearSpec exact;     ///< the product: of f32 or bf16; its outStride is that of the result
  int64_t count = 1;    ///< of the greatest, at most
  bool rotated = false; ///< what is quantized is the rotated row

  int64_t normOffset() const { return floatRowBytes(exact.outputs); }
  /// Of a thread: maxima of the previews, 16 panels each; a mark for each panel; the list of panels that were computed;
  /// its length, and what is left to give.
  int64_t blocks() const { return roundUp(exact.panels(), kLanes) / kLanes; }
  int64_t markOffset() const { return blocks() * 64; }
  int64_t listOffset() const { return markOffset() + roundUp(4 * exact.panels(), 64); }
  int64_t cellOffset() const { return listOffset() + roundUp(8 * exact.panels(), 64); }
  int64_t scratchBytes() const { return cellOffset() + 64; }
};

/// The bounds of a matrix and its int8 codes, of the matrix rotated in blocks (0: not rotated).
void packBounds(const lm::WeightData &matrix, const lm::WeightData &codes, int64_t block, std::vector<char> &out);

/// (in, rotated, codes, preview, weights, bounds, out, scratch, step, rowBegin, rowEnd)
std::string topLinearKernel(KernelLibrary &kernels, const TopSpec &spec);

} // namespace lmopt::cpu

#endif
