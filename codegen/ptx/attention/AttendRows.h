// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of single rows: decoding. What turns and stores the new keys and values, what attends, what joins parts.
//
//   cache of a layer, keys and values alike: [kv head][capacity / 64][64 positions][head width] f32
//   table, a row of kTableBytes for each row: address of the keys and of the values (u64), blocks of 64 positions that
//       there is room for (i32), the row's own position (i32)
//   parts [row][head][parts][head width + 2] f32: numbers, the greatest score, the sum of weights
//
// A block attends for the query heads that share a kv head, to 256 positions: blocks of 64 positions come to shared
// memory, the next one while one is worked on. Parts are joined in the order of positions by whoever needs the row
// next, so a row's result depends on its own positions alone, not on what is beside it. Scores, weights and sums are
// f32. Source: ptx.md 2.2, 2.3; online softmax: Milakov and Gimelshein 2018. Tested by
// test/unit/codegen/ptx/AttendRowsTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_ATTENDROWS_H
#define LMOPT_CODEGEN_PTX_ATTENTION_ATTENDROWS_H

#include "codegen/ptx/KernelLibrary.h"

namespace lmopt::nvptx {

struct AttentionSpec {
  int64_t heads = 0, kvHeads = 0, width = 0; ///< width of a head: a multiple of 8, at most 256
  int64_t rotary = 0;                        ///< numbers of a head that are turned, halves apart; 0: none
  float scale = 1;                           ///< of scores

  static constexpr int64_t kThreads = 256;
  static constexpr int64_t kBlock = 64;     ///< positions that lie together
  static constexpr int64_t kPartBlocks = 4; ///< that a block of threads attends to
  static constexpr int64_t kTableBytes = 24;
  int64_t group() const { return heads / kvHeads; }
  int64_t partFloats() const { return width + 2; }
  /// Parts of a row at this position.
  static int64_t partsAt(int64_t position) { return position / (kBlock * kPartBlocks) + 1; }
};

/// Turns queries and keys by their row's position and puts keys and values into the cache. (queries [rows][heads x
/// width] f32, keys and values [rows][kvHeads x width] f32, angles [positions][rotary / 2][cos, sin] f32, table, turned
/// queries). A block for each row along x; rows of floats are padded as in rows/RowKernel.h.
std::string storeKeysValuesKernel(KernelLibrary &kernels, const AttentionSpec &spec);

/// (turned queries, table, parts, how many parts a row has room for). Blocks: parts along x, kv heads along y, rows
/// along z; those beyond a row's positions do nothing.
std::string attendRowsKernel(KernelLibrary &kernels, const AttentionSpec &spec);

/// (parts, table, results [rows][heads x width] f32, how many parts a row has room for). A block for each row along x.
std::string joinPartsKernel(KernelLibrary &kernels, const AttentionSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_ATTENDROWS_H
