// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The greatest logits of each row, found on the GPU, so that a few pairs travel to the host instead of the vocabulary;
// and the step from one token to the next without the host.
//
//   top_lists    each block: the `top` greatest of 2048 logits, in order       grid (blocks, rows), 8 warps
//   top_choose   each row: the `top` greatest of the blocks' lists, in order   grid (rows), one warp
//
// Order: by logit, of equal ones the smaller token first; -0 equals 0; NaN and -infinity are not among them. That is
// what a sampler of the runtime goes by (runtime/src/session/sampler.c), so one token is the same one. It is kept by
// keys of 64 bits (RankKeys.h), all different, so that neither the order of lanes nor that of blocks matters.
//
// In: logits [rows][vocabulary] f32. Out: lmopt_device_top_t [rows][top] of lmopt/abi.h; and, where the runtime wants
// it, what the next step reads (lmopt_device_t.chosen). Cost: logits are read once; `top` turns of two warp maxima
// each. Source: ptx.md 5.2. Tested by test/unit/codegen/ptx/TopLogitsTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_RANKING_TOPLOGITS_H
#define LMOPT_CODEGEN_PTX_RANKING_TOPLOGITS_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/Launch.h"
#include "codegen/ptx/ranking/RankKeys.h"

#include <algorithm>

namespace lmopt::nvptx {

struct TopLogitsSpec {
  /// Samplers mostly look at 1, 20 or 40. More would be sorted faster otherwise.
  static constexpr int64_t kMost = RankKeys::kMost;
  static constexpr int64_t kLaneLogits = 8, kWarpLogits = kLaneLogits * kWarpLanes, kWarps = 8;
  static constexpr int64_t kBlockLogits = kWarps * kWarpLogits, kKeyBytes = RankKeys::kBytes;

  int64_t vocabulary = 0;
  int64_t stride = 4 * vocabulary; ///< bytes from one row of logits to the next
  int64_t asked = vocabulary;      ///< so many at most are asked for; more than there are: lists end with nothing

  int64_t most() const { return std::min(kMost, asked); } ///< of a row
  int64_t blocks() const { return (vocabulary + kBlockLogits - 1) / kBlockLogits; }
  int64_t listsBytes(int64_t rows) const { return rows * blocks() * most() * kKeyBytes; }
};

/// (logits, lists, top). Lists: keys [rows][blocks][top], 0 where there are no more.
std::string topListsKernel(KernelLibrary &kernels, const TopLogitsSpec &spec);

/// (lists, logits, greatest, chosen, tokens, rows' table, top). `chosen` is 0, or there is one row.
std::string topChooseKernel(KernelLibrary &kernels, const TopLogitsSpec &spec);

/// What a scheduled program of few rows needs after its own launches to be "decode_top" (lmopt/abi.h).
void addTopLaunches(plan::ProgramOp program, KernelLibrary &kernels, std::vector<Launch> &launches);
/// How wide its first result is.
TopLogitsSpec topLogitsOf(plan::ProgramOp program);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_RANKING_TOPLOGITS_H
