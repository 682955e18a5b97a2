// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of an embedding table by token id, whatever the table's layout: rows of floats, or the panels of a tied head. In
// the bodies of kernels only. Layouts: LinearSpec. Used by RowKernels.cpp; tested by
// test/unit/codegen/RowKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_EMBEDDINGROWS_H
#define LMOPT_CODEGEN_CPU_EMBEDDINGROWS_H

#include "codegen/cpu/KernelLibrary.h"
#include "codegen/cpu/rows/RowProgram.h"

namespace lmopt::cpu {

/// Mask of the lanes inside a row of `width` numbers; `offset`: bytes of the row before the register.
mlir::Value lanesInsideRow(Emitter &e, int64_t width, mlir::Value offset);
/// `v` with zeros in the lanes beyond the row, where an operation would have filled them.
mlir::Value zeroBeyondWidth(Emitter &e, int64_t width, mlir::Value v, mlir::Value offset);

/// 16 numbers of row `id` (i64) of the table at `weights`, of one of the kinds Embedding...; `offset`: the bytes of the
/// row of floats before them.
mlir::Value emitEmbedding(Emitter &e, const RowOp &op, mlir::Value weights, mlir::Value id, mlir::Value offset);

} // namespace lmopt::cpu

#endif
