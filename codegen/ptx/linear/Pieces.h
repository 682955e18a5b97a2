// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of few rows go through their inputs piece by piece: a piece of all rows of a block lies in shared memory at
// once. In: how many slices there are, and in a piece; where rows lie. Out: the walk over pieces; the copy of one. What
// is done with a piece is the kernel's. Tested by the kernels (test/unit/codegen/ptx/LinearDecodeTest.cpp,
// CodebookDecodeTest.cpp, SparseDecodeTest.cpp).
#ifndef LMOPT_CODEGEN_PTX_LINEAR_PIECES_H
#define LMOPT_CODEGEN_PTX_LINEAR_PIECES_H

#include "codegen/ptx/Emitter.h"

namespace lmopt::nvptx {

/// Adds what `count` slices from `first` on give to sums.
using AddPiece = std::function<Emitter::Values(mlir::Value first, int64_t count, const Emitter::Values &sums)>;
/// All `slices`: whole pieces of so many in a loop, then what is left.
Emitter::Values addPieces(Emitter &e, int64_t slices, int64_t ofPiece, const Emitter::Values &sums,
                          const AddPiece &add);

/// The rows of a block, of operands: slices of 32 bytes.
struct PieceRows {
  mlir::Value rows, first, count; ///< all rows; the block's first; how many there are in all
  int64_t rowBytes;
  mlir::Value to; ///< in shared memory
  int64_t ofBlock, stride;
};
/// Asks for `count` slices from `first` on, sixteen bytes a thread and turn. Rows that there are not are zero.
void copyPiece(Emitter &e, const PieceRows &rows, mlir::Value first, int64_t count, int64_t threads);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_PIECES_H
