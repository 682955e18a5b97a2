// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row operations on groups: quantization to s8 codes in groups, and rows of a grouped table. In: registers of one row.
// Out: ops at the emitter's insertion point. Layouts: GroupedRow and LinearSpec. Used by RowKernels.cpp;
// tested by test/unit/codegen/GroupedKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_GROUPEDROWS_H
#define LMOPT_CODEGEN_CPU_GROUPEDROWS_H

#include "codegen/cpu/KernelLibrary.h"
#include "codegen/cpu/linear/LinearSpec.h"

namespace lmopt::cpu {

/// Registers of a row that are quantized at a time: up to four groups.
int64_t groupedChunkRegisters(const GroupedRow &row);

/// Stores the scale of a row whose greatest magnitude is `largest`; the result: what its numbers are multiplied with
/// to become codes of that scale, in all lanes.
mlir::Value emitGroupedRowScale(Emitter &e, const GroupedRow &row, mlir::Value largest, mlir::Value to);

/// lm.quantize_groups of one chunk of a row: `numbers` are its registers, `factor` the result of emitGroupedRowScale,
/// `offset` the bytes of the row before the chunk.
void emitQuantizeGroups(Emitter &e, const GroupedRow &row, const Emitter::Values &numbers, mlir::Value factor,
                        mlir::Value offset, mlir::Value to);

/// 16 numbers of row `id` (i64) of the grouped table `weights`; `offset`: the bytes of the row of floats before them.
mlir::Value emitEmbeddingGroups(Emitter &e, const LinearSpec &table, mlir::Value weights, mlir::Value id,
                                mlir::Value offset);

} // namespace lmopt::cpu

#endif
