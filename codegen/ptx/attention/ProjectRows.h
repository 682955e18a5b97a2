// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Few keys and values for many: E K and F V of each segment, by learned matrices or as means of neighbouring rows. In:
// rows of keys and values, the segments' table. Out: rows of the same widths, in scratch:
//
//   means    as many as the segment has rows, at most projectedRows: from its own first row on
//   learned  always projectedRows, those of one segment after those of another
//
// A block makes one row, a thread one number after the other: one chain of sums in the order of the rows, as
// codegen/cpu/attention/ProjectKernels.cpp has it, so that bits are the CPU's. From techniques 9.6. Tested by
// test/unit/codegen/ptx/ProjectRowsTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_PROJECTROWS_H
#define LMOPT_CODEGEN_PTX_ATTENTION_PROJECTROWS_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/attention/AttentionSpec.h"

namespace lmopt::nvptx {

/// (keys [rows][kvHeads x width] f32, values, segments' table, their results; where the projection is learned also its
/// two matrices, rows of floats). A block for each of projectedRows along x, and for each segment along y; those beyond
/// a segment's rows do nothing.
std::string projectRowsKernel(KernelLibrary &kernels, const AttentionSpec &spec);

/// Rows of results that a step of so many rows may need: no segment is empty.
int64_t mostProjectedRows(const AttentionSpec &spec, int64_t rows);
/// Rows that become of a segment's, and the first of them.
mlir::Value projectedRows(Emitter &e, const AttentionSpec &spec, mlir::Value rows);
mlir::Value firstProjectedRow(Emitter &e, const AttentionSpec &spec, mlir::Value first, mlir::Value segment);
/// "_means5", "_learned20", or nothing: of kernels that read or make such rows.
std::string projectionName(const AttentionSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_PROJECTROWS_H
