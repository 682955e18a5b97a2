// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of encoders: each row attends to all rows of its segment, without a cache, without order. What is read:
// rows of floats as in rows/RowKernel.h and lmopt_device_segment_t of lmopt/abi.h.
//
// A block attends for 16 rows of one segment and one head; keys and values come in blocks of 64, counted from the
// segment's first row, so a row's result depends on its own segment alone. f32 throughout; or on tensor cores, 64 rows
// a block, with queries, keys, values and weights rounded to bf16. With rope queries and keys are turned on their way
// by their place in the segment. Of AttentionSpec all counts but the format. Source: online softmax as in AttendRows.h.
// Tested by test/unit/codegen/ptx/AttendSegmentsTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_ATTENDSEGMENTS_H
#define LMOPT_CODEGEN_PTX_ATTENTION_ATTENDSEGMENTS_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/attention/AttentionSpec.h"

namespace lmopt::nvptx {

/// Rows of a block of attendSegmentsKernel, and of attendSegmentsTileKernel.
constexpr int64_t kSegmentRows = 16, kSegmentTileRows = 64;

/// (queries [rows][heads x width] f32, keys and values [rows][kvHeads x width] f32, or what projectRowsKernel made of
/// them, segments' table, results [rows][heads x width] f32; where rows are turned, angles and rows' table; with a
/// bias, its numbers). Blocks: sixteens of rows of the longest segment along x, heads along y, segments along z; those
/// beyond a segment's rows do nothing.
std::string attendSegmentsKernel(KernelLibrary &kernels, const AttentionSpec &spec);

/// The same in bf16: 64s of rows along x.
std::string attendSegmentsTileKernel(KernelLibrary &kernels, const AttentionSpec &spec);
/// Whether there is code for it: heads of a multiple of 16, at most 128.
bool canAttendSegmentsTile(const AttentionSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_ATTENDSEGMENTS_H
