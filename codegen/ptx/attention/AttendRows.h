// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of rows over the cache, each up to its own position: what turns and stores new keys and values, what
// attends. Row kernels join parts (rows/RowParts.cpp). It serves decoding and, as all rows of a step are stored before
// any attends, prompts.
//
//   parts [row][head][parts][head width + 2] f32: numbers, the greatest score, the sum of weights
//
// A block attends for the query heads that share a kv head, to 256 positions: keys and then values come to shared
// memory, 64 positions at a time, two such stages under way while one is worked on. Scores, weights and sums are f32,
// with the bits of codegen/cpu/attention/AttentionTile.cpp (not of i8, where CPUs sum integers): a score is one chain
// of products in a thread, a number of the result one chain over the positions of a part. That is 256 dependent
// products where threads could share them, less than a microsecond, most of it while memory is waited for; it makes a
// model's bits the same on CPUs and GPUs. Parts are joined in the order of positions, so a row's result depends on its
// own positions alone, not on what is beside it. Source: ptx.md 2.2, 2.3; online softmax: Milakov and Gimelshein 2018.
// Tested by test/unit/codegen/ptx/AttendRowsTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_ATTENDROWS_H
#define LMOPT_CODEGEN_PTX_ATTENTION_ATTENDROWS_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/attention/AttentionSpec.h"

namespace lmopt::nvptx {

// Of each layer, two numbers (i32): `layer offset`, 64 times the cache's bytes per position of the layers before it;
// `block bytes`, 64 times those of the whole model. Rows of floats are padded as in rows/RowKernel.h.

/// Turns keys by their row's position and puts keys and values into the cache. (keys and values [rows][kvHeads x width]
/// f32, angles, rows' table, layer offset, block bytes). A block for each row along x. `heads` and `scale` do not
/// matter.
std::string storeKeysValuesKernel(KernelLibrary &kernels, const AttentionSpec &spec);

/// Turns queries and attends. (queries [rows][heads x width] f32, angles, rows' table, parts, how many parts a row has
/// room for, layer offset, block bytes). Blocks: parts along x, kv heads along y, rows along z; those beyond a row's
/// positions do nothing.
///
/// `stores`: the keys and values of the step's rows are not in the cache yet; two more arguments, as the kernel above
/// has them. A block turns those that its row sees for itself, and the one whose position is the row's own stores it:
/// what a block reads of the cache no other writes. With a bias one more argument, the last: slopes, or the table.
std::string attendRowsKernel(KernelLibrary &kernels, const AttentionSpec &spec, bool stores = false);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_ATTENDROWS_H
