// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products of many rows, as prompts have them: bound by the tensor cores and by what feeds them.
//
// A block makes 128 outputs of 64 or 128 rows: each of its four warps 32 outputs of all its rows. Weights are operands
// already (Fragments.h), and each is needed by one warp only: they go from memory straight to registers, two slices
// ahead. Rows, which all warps need, go through a ring of stages in shared memory. So shared memory is read once for
// two products of matrices, where tiles of 64 x 32 outputs and rows, both from shared memory, would read three times in
// four. Of 64 rows three blocks share a multiprocessor (with 128 registers, for four, ptxas spills a few words), of 128
// rows two.
//
// Arguments and what is written: as linearDecodeKernel has them; the grid is ceil(tiles / 8) blocks along x, one for
// each `rows` rows along y. A row's result does not depend on how many rows there are. Codes give the same bits as
// linearDecodeKernel; of bf16 each result is one chain of products along the inputs, for 64 and for 128 rows alike,
// where linearDecodeKernel adds eight of them: the last bits differ. Without zero blocks (SparseDecode.h) operands come
// from where a slice says that its blocks are; what it says of a slice is asked for one slice before. Source:
// ptx.md 2.3. Tested by test/unit/codegen/ptx/LinearTileTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_LINEARTILE_H
#define LMOPT_CODEGEN_PTX_LINEAR_LINEARTILE_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/linear/Fragments.h"

namespace lmopt::nvptx {

struct LinearTileSpec {
  LinearSpec linear;
  int64_t rows = 64;      ///< of a block: 64 or 128
  int64_t ring = kStages; ///< a power of two, at least four; others than kStages are for script/gpu-check to measure

  static constexpr int64_t kWarps = 4, kTilesOfWarp = 2, kTiles = kWarps * kTilesOfWarp;
  /// Of the ring: one is read while the others are under way. Assumed, not measured.
  static constexpr int64_t kStages = 4;
  static constexpr int64_t kStageSlices = 4, kStageRow = 32 * kStageSlices; ///< bytes of a row in a stage
  /// Slices of weights under way to a warp's registers.
  static constexpr int64_t kAhead = 2;

  /// Of blocks there is no kernel for wgmma (LinearTileHopper.h): linearTileKernel serves all architectures.
  static bool canDo(const LinearSpec &linear) { return linear.isInteger() || linear.format == WeightFormat::Bf16; }
  int64_t stageBytes() const { return rows * kStageRow; }
  int64_t stages() const { return roundUp(linear.slices(), kStageSlices) / kStageSlices; } ///< along the inputs
};

/// "_ring8": the part of a kernel's name, if it is not the usual one.
std::string ringName(const LinearTileSpec &spec);

std::string linearTileKernel(KernelLibrary &kernels, const LinearTileSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_LINEARTILE_H
