// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of many rows of a sequence over its cache, each up to its own position: prompts. All rows of the step are
// stored before. It does what attendRowsKernel and the joining of parts do, but keys and values are read once for a
// tile of rows.
//
// A block attends for a tile of rows of one segment and one query head: over a cache of bf16 for 64, on tensor cores,
// where the width of a head is a multiple of 16 and at most 128; else for 16, in f32. With a cache of bf16 queries and
// weights are rounded to bf16 as well. Keys and values come in the cache's blocks of 64 positions, so a row's result
// depends on its own positions alone. Source: ptx.md 2.3. Tested by test/unit/codegen/ptx/AttendTileTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_ATTENDTILE_H
#define LMOPT_CODEGEN_PTX_ATTENTION_ATTENDTILE_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/attention/AttentionSpec.h"

namespace lmopt::nvptx {

/// (queries [rows][heads x width] f32, angles, rows' table, segments' table, results [rows][heads x width] f32, layer
/// offset, block bytes; with a bias, its numbers): see AttendRows.h. Blocks: tiles of rows of the longest segment along
/// x, heads along y, segments along z; those beyond a segment's rows do nothing.
std::string attendTileKernel(KernelLibrary &kernels, const AttentionSpec &spec);

/// Rows of a tile.
int64_t tileRows(const AttentionSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_ATTENDTILE_H
