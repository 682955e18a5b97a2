// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of many rows of a sequence over a cache of bf16, each up to its own position: prompts. All rows of the step
// are stored before. It does what attendRowsKernel and joinPartsKernel do, on tensor cores: queries and weights are
// rounded to bf16 as well, scores and sums are f32.
//
// A block attends for 64 rows of one segment and one query head, a warp for 16 of them; keys and values come in the
// cache's blocks of 64 positions, so a row's result depends on its own positions alone. The width of a head is a
// multiple of 16, at most 128. Source: ptx.md 2.3; FlashAttention-2 (Dao 2023) for the way from scores to the second
// product without leaving registers. Tested by test/unit/codegen/ptx/AttendTileTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_ATTENDTILE_H
#define LMOPT_CODEGEN_PTX_ATTENTION_ATTENDTILE_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/attention/AttentionSpec.h"

namespace lmopt::nvptx {

/// Rows of a block of attendTileKernel.
constexpr int64_t kTileRows = 64;

/// (queries [rows][heads x width] f32, angles, rows' table, segments' table, results [rows][heads x width] f32, layer
/// offset, block bytes): see AttendRows.h. Blocks: 64s of rows of the longest segment along x, heads along y, segments
/// along z; those beyond a segment's rows do nothing.
std::string attendTileKernel(KernelLibrary &kernels, const AttentionSpec &spec);

/// Whether attendTileKernel can: else attendRowsKernel does.
bool canAttendTile(const AttentionSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_ATTENDTILE_H
