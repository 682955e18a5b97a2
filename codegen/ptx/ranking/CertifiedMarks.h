// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which outputs of a product may be among the `top` greatest of a row (lm.top_linear), by a preview of it and a bound.
//
//   top_lists        the greatest previews of each block (TopLogits.h)
//   preview_marks    marks the tiles of the `top` greatest previews; all results -infinity      grid (blocks, rows)
//   the product      of marked tiles
//   top_lists        the greatest results of each block
//   bound_marks      t = the last of the `top` greatest results; marks the other tiles with an output n for which not
//                    p[n] + s[n] < t, s[n] bounding |y[n] - p[n]|                               grid (blocks, rows)
//   the product      of marked tiles
//
// What is left out is below t, of which there are `top` results at least: it is none of the greatest, which are those
// of the whole product, bit for bit, since the same kernel makes them. The bound, and why, stands in
// codegen/cpu/ranking/TopLinear.cpp; tensor cores may round a sum of bf16 down, which is two of its roundings for each
// of K terms, as it allows. What is no number is never left out. A block has 2048 outputs of a row (MarkedBlock.h), and
// finds the last of the lists and the norms of the row for itself: a launch would cost more.
//
// In: previews and rows, padded; norms as #cpu.bounds has them. Out: marks (linear/LinearResults.h). Source: techniques
// 5.4 (d). Tested by test/unit/codegen/ptx/CertifiedMarksTest.cpp and test/e2e/device_heads.py.
#ifndef LMOPT_CODEGEN_PTX_RANKING_CERTIFIEDMARKS_H
#define LMOPT_CODEGEN_PTX_RANKING_CERTIFIEDMARKS_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/ranking/MarkedBlock.h"
#include "codegen/ptx/ranking/TopLogits.h"

namespace lmopt::nvptx {

struct CertifiedSpec {
  LinearSpec exact;      ///< the product: of f32 or bf16
  int64_t outStride = 0; ///< bytes from one row of results to the next

  int64_t previewBytes() const { return rowBytes(exact.outputs, 4); }
  TopLogitsSpec previews() const { return {exact.outputs, previewBytes()}; }
  TopLogitsSpec results() const { return {exact.outputs, outStride}; }
  int64_t blocks() const { return MarkedBlock::blocksOf(exact.outputs); }
  /// Bounds, packed: what the preview of each row of weights lacks, then how long each is, [round_up(outputs, 16)] f32.
  int64_t normOffset() const { return 4 * roundUp(exact.outputs, 16); }

  /// Memory of so many rows: lists of blocks, marks of the first product, marks of the second.
  int64_t firstMarks(int64_t rows) const { return roundUp(results().listsBytes(rows), 256); }
  int64_t marksBytes(int64_t rows) const { return roundUp(rows * MarkedBlock::bytesOf(exact.outputs), 256); }
  int64_t secondMarks(int64_t rows) const { return firstMarks(rows) + marksBytes(rows); }
  int64_t scratchBytes(int64_t rows) const { return secondMarks(rows) + marksBytes(rows); }
};

/// (previews, lists of previews, marks, results, top). What lies between the last result of a row and the next row
/// becomes zero.
std::string previewMarksKernel(KernelLibrary &kernels, const CertifiedSpec &spec);
/// (previews, lists of results, results, first marks, marks, weights, bounds, rows as quantized, codes, scales, zero
/// points, top)
std::string boundMarksKernel(KernelLibrary &kernels, const CertifiedSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_RANKING_CERTIFIEDMARKS_H
