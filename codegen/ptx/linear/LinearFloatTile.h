// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products of many rows in f32, with weights in f32 or numbers of 256 f32 entries: bound by the units that
// multiply and add.
//
// A block makes 128 outputs of 64 rows. Weights and rows of 32 inputs at a time go through shared memory, the next ones
// under way meanwhile; a thread has eight outputs of eight rows and loads 16 bytes for each 16 of its products. Weights
// are read once for 64 rows, where linearDecodeKernel reads them once for eight. Three blocks share a multiprocessor
// (with 128 registers, for four, ptxas spills two words). Numbers of entries come to registers a stage ahead and are
// looked up once for 64 rows: 32 look-ups a thread beside 2048 products; what lies in shared memory is the same then.
//
// Arguments and what is written: as linearDecodeKernel has them; the grid is that of linearTileKernel for 64 rows. Each
// result is one chain of fused operations along the inputs, whatever the number of rows; linearDecodeKernel adds in
// another order, so the last bits differ. Tested by test/unit/codegen/ptx/LinearFloatTileTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_LINEARFLOATTILE_H
#define LMOPT_CODEGEN_PTX_LINEAR_LINEARFLOATTILE_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/linear/Fragments.h"

namespace lmopt::nvptx {

struct LinearFloatTileSpec {
  LinearSpec linear; ///< F32 or Codebook

  static bool canDo(const LinearSpec &linear) { return linear.format == WeightFormat::F32 || linear.isCodebook(); }

  static constexpr int64_t kTiles = 8, kRows = 64; ///< of a block
  static constexpr int64_t kStageSlices = 4, kStageRow = 32 * kStageSlices;
  static constexpr int64_t kTileBytes = kStageSlices * LinearSpec::kSlice;
  static constexpr int64_t kStageBytes = kTiles * kTileBytes + kRows * kStageRow;
  static constexpr int64_t kTableBytes = 1024; ///< entries, behind both stages
  int64_t sharedBytes() const { return 2 * kStageBytes + (linear.isCodebook() ? kTableBytes : 0); }
  int64_t slices() const { return linear.rowBytes() / 32; }                         ///< of eight inputs
  int64_t stages() const { return roundUp(slices(), kStageSlices) / kStageSlices; } ///< along the inputs
};

std::string linearFloatTileKernel(KernelLibrary &kernels, const LinearFloatTileSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_LINEARFLOATTILE_H
