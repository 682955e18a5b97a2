// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products of few rows: bound by the memory that weights are read from.
//
// A block makes 16 outputs of up to 8, 16, 32 or 64 rows (of more rows there are more blocks): its eight warps share
// the inputs, slice by slice; weights go from memory straight to registers, rows through shared memory, in pieces where
// they are long. The first weights are asked for before the rows are there. Sums of the warps meet in shared memory: of
// integers in any order, of floats in that of the warps. A row's result does not depend on how many there are beside
// it. Where rows are few, the block may make them itself (RowPrologue.h). Source: ptx.md 2.3, 4.1. Tested by
// test/unit/codegen/ptx/LinearDecodeTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_LINEARDECODE_H
#define LMOPT_CODEGEN_PTX_LINEAR_LINEARDECODE_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/linear/Matrices.h"
#include "codegen/ptx/linear/RowPrologue.h"

#include <optional>

namespace lmopt::nvptx {

struct LinearDecodeSpec {
  LinearSpec linear;
  int64_t rows = 8; ///< of a block, at most: 8, 16, 32 or 64; of f32 eight
  /// Outputs of further matrices in the same launch (Matrices.h).
  std::vector<int64_t> beside = {};
  /// Rows that the kernel makes itself, all at once; `rows` is 8 then.
  std::optional<MadeRows> made = {};
  /// Only results that are marked (LinearResults::marks) are made and written; a block without any reads no weights.
  /// Of one matrix whose rows are there, in f32, bf16, S8Rows or groups.
  bool marked = false;
  int64_t together = kTogether; ///< not grouped; others than kTogether are for script/gpu-check to measure

  static constexpr int64_t kWarps = 8;
  /// Slices that a warp asks for at once (assumed, not measured): with four blocks of eight warps 64 KB are under way
  /// on a multiprocessor, where 25 KB would hide the memory's latency (4.8 TB/s x 0.7 us / 132).
  static constexpr int64_t kTogether = 4;
  /// Rows of a piece, so that four blocks share a multiprocessor of 163 KB.
  static constexpr int64_t kPieceBytes = 36 << 10;

  /// From one row in shared memory to the next: 16 bytes more, so that eight rows lie in different banks.
  int64_t pieceStride() const { return 32 * pieceSlices() + 16; }
  /// A multiple of what all warps ask for at once, or all of it.
  int64_t pieceSlices() const {
    if (made)
      return linear.slices();
    int64_t fit = (kPieceBytes / rows - 16) / 32 / (kWarps * together) * (kWarps * together);
    return std::min(linear.slices(), std::max(fit, kWarps));
  }
  int64_t sumsBytes() const { return kWarps * rows / 8 * 512; }
  int64_t sharedBytes() const {
    return made ? MadeRowsPlaces(*made, linear, sumsBytes()).end : std::max(rows * pieceStride(), sumsBytes());
  }
};

/// linearArguments (LinearResults.h), with rowArguments where it makes the rows, then the marks, if any. A block for
/// each tile of 16 outputs of all matrices along x, and for each `rows` rows along y. Results may lie one after another
/// (4 outputs bytes), or be rows of floats: then the padding behind them becomes zero; with any other distance nothing
/// but the outputs is written. Grouped: see GroupedDecode.h.
std::string linearDecodeKernel(KernelLibrary &kernels, const LinearDecodeSpec &spec);
llvm::SmallVector<ArgumentKind> decodeArguments(const LinearDecodeSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_LINEARDECODE_H
