// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products of codes whose weights are stored without the blocks of 16 outputs x 4 inputs that are zero: what is
// not there is not read. Results have the bits of the dense product: sums are exact.
//
//   scales f32 and sums of codes i32 [round_up(outputs, 16)], the bias, if any
//   from the next 32 bytes on, slices: [outputs / 16][inputs / 32, rounded up to fours]{u32 number of the first block;
//       u32 of which bit i says whether inputs 4 i to 4 i + 3 have a block}
//   from the next 64 bytes on, blocks: [stored][lane g of 8]{4 bytes of output g, 4 bytes of output g + 8}
//
// A slice is one operand of mma.sync, as of dense weights (Fragments.h): lane 4 g + t has its words from the blocks t
// and t + 4, two loads of 8 bytes. A block of threads makes 16 outputs of up to 8, 16, 32 or 64 rows (of more there are
// more blocks); its warps take four slices in turns, and ask for these at once: first what each has of blocks (a sector
// of memory), then the blocks (SparseOperands.h). Products of zero blocks are computed as such: tensor cores have time
// while memory is waited for. In the persistent kernel the blocks of a tile come by its ring (WeightStream::blocks): a
// warp reaches those of its four slices, which follow one another. More rows, as of prompts: LinearTile.h.
//
// Damaged weights give wrong numbers and no wrong address; from a ring they may end the launch as a fault (Poll.h).
// From techniques 7.5. Tested by test/unit/codegen/ptx/SparseDecodeTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_SPARSEDECODE_H
#define LMOPT_CODEGEN_PTX_LINEAR_SPARSEDECODE_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/linear/Fragments.h"

#include <algorithm>

namespace lmopt::nvptx {

struct SparseDecodeSpec {
  LinearSpec linear;
  int64_t rows = 8; ///< of a block of threads, at most: 8, 16, 32 or 64

  static constexpr int64_t kBlockOutputs = 16, kBlockInputs = 4;
  static constexpr int64_t kWarps = 8, kTogether = 4, kPieceBytes = 36 << 10;
  int64_t pieceSlices() const {
    int64_t fit = (kPieceBytes / rows - 16) / 32 / (kWarps * kTogether) * (kWarps * kTogether);
    return std::min(linear.slices(), std::max(fit, kWarps));
  }
  /// From one row in shared memory to the next: 16 bytes more, so that eight rows lie in different banks.
  int64_t pieceStride() const { return 32 * pieceSlices() + 16; }
  int64_t sharedBytes() const { return std::max(rows * pieceStride(), kWarps * rows / 8 * 512); }
};

/// (weights, rows, scales of rows, zero points of rows, how many blocks are stored, results, bytes from one row of
/// results to the next, number of rows). Grid and results as linearDecodeKernel has them.
std::string sparseDecodeKernel(KernelLibrary &kernels, const SparseDecodeSpec &spec);

/// Codes [outputs][inputs] without zero blocks, of which there must be `stored`; `bytes` are zero before.
void packBlocks(const LinearSpec &spec, const int8_t *codes, std::vector<char> &bytes);
/// How many blocks have a code.
int64_t countBlocks(int64_t outputs, int64_t inputs, const int8_t *codes);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_SPARSEDECODE_H
