// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products of many rows with weights in groups, bit for bit as groupedDecodeKernel gives them: exact sums of
// each group, added in the order of groups by fused operations (GroupedDecode.h).
//
// A block makes 64 outputs of 64 rows: each of its four warps 16 outputs of all of them. Weights go from memory
// straight to registers, two slices ahead; rows, the numbers of their groups and the scales of the weights through a
// ring of stages in shared memory. A lane has its sums of floats in registers, so that a group costs an integer sum and
// two to four operations for each of them: for 32 inputs of a tile and eight rows 12 to 20 instructions beside one
// product of matrices, which is what bounds this kernel; weights in bf16 would not cost that, and would not give these
// bits (docs/rationale.md). They are read once for 64 rows, where groupedDecodeKernel reads them once for 8 or 16.
// Numbers of a codebook's entries become codes on their way to a product, as in groupedDecodeKernel (Codebook.h).
//
// Arguments and what is written: as groupedDecodeKernel has them; ceil(tiles / 4) blocks along x, one for each 64 rows
// along y. Tested by test/unit/codegen/ptx/GroupedTileTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_GROUPEDTILE_H
#define LMOPT_CODEGEN_PTX_LINEAR_GROUPEDTILE_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/linear/Fragments.h"

#include <algorithm>

namespace lmopt::nvptx {

struct GroupedTileSpec {
  LinearSpec linear; ///< Grouped

  static constexpr int64_t kWarps = 4, kTiles = kWarps, kRows = 64; ///< of a block
  static constexpr int64_t kStages = 4;                             ///< of the ring
  /// Of a row, 128 bytes beside one another in shared memory.
  static constexpr int64_t kUnit = 128;

  /// Words of a slice that a lane has: an operand, and upper bits of numbers of three.
  size_t wordsOfSlice() const { return linear.bits == 3 ? 6 : 4; }
  /// Whole groups.
  int64_t stageInputs() const { return std::max(kUnit, linear.group); }
  int64_t stageGroups() const { return stageInputs() / linear.group; }
  int64_t stages() const { return roundUp(linear.inputs, stageInputs()) / stageInputs(); }
  /// What a warp does at once: whole slices and whole groups.
  int64_t turnInputs() const { return std::max(linear.sliceBytes(), linear.group); }
  int64_t turnsOfStage() const { return stageInputs() / turnInputs(); }
  int64_t turns() const { return roundUp(linear.inputs, turnInputs()) / turnInputs(); }

  // A stage: codes, numbers of groups, scales of weights.
  /// From the numbers of all rows for a group to those of the next: copies of neighbouring groups meet in no bank.
  int64_t numbersStride() const { return kRows * GroupedRow::kGroupBytes + 128 / stageGroups(); }
  int64_t numbersPlace() const { return kRows * stageInputs(); }
  int64_t scalesPlace() const { return numbersPlace() + stageGroups() * numbersStride(); }
  int64_t ofTile() const { return stageGroups() * linear.scaleBytes(); } ///< bytes of the scales of 16 outputs
  int64_t stageBytes() const { return scalesPlace() + kTiles * ofTile(); }
};

std::string groupedTileKernel(KernelLibrary &kernels, const GroupedTileSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_GROUPEDTILE_H
