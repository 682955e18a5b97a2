// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products of few rows with weights in groups; bit for bit what codegen/cpu/linear/GroupedKernels.cpp computes:
//
//   y[n] = sum over groups of  s (s_w[n] D + m_w[n] A) + bias[n]        D: exact integer sum of a group
//
// with s the scale of a group of the row and A the sum of its codes (GroupedRow). In: rows as GroupedRow says, weights
// as Fragments.h says. Out: rows of floats.
//
// A block makes 16 outputs of up to 8 or 16 rows, piece by piece of at most 1024 or 512 inputs. Its eight warps share
// the slices of a piece; an mma makes the D of 32 inputs, which go to shared memory (in groups of 16 two make that of
// 16 each, against zeros in the place of the other half of the weights). Then a thread for each output and
// row adds the groups in their order, so that the sums of floats are those of CPUs, while the weights and rows of the
// next piece are under way. For each 32 inputs of a tile that takes 30 to 42 PTX instructions of a warp with one row,
// 47 to 93 with eight (counted by the interpreter, 64 x 4096); 54 may be issued while 4-bit weights come, 101 while
// those of 8 bits do (H200, 4.8 TB/s, 1.7 GHz: computed, not measured). Source: ptx.md 2.3. Tested by
// test/unit/codegen/ptx/GroupedDecodeTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_GROUPEDDECODE_H
#define LMOPT_CODEGEN_PTX_LINEAR_GROUPEDDECODE_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/linear/Matrices.h"
#include "codegen/ptx/linear/RowPrologue.h"

#include <algorithm>

namespace lmopt::nvptx {

struct GroupedDecodeSpec {
  LinearSpec linear;
  int64_t rows = 8;                  ///< of a block, at most: 8 or 16
  std::vector<int64_t> beside = {};  ///< as of LinearDecodeSpec
  std::optional<MadeRows> made = {}; ///< as of LinearDecodeSpec
  bool marked = false;               ///< as of LinearDecodeSpec

  static constexpr int64_t kWarps = 8;
  /// Whether there is code for groups of this size: whole operands of an mma, whole groups in each piece.
  static constexpr bool canRun(int64_t group) {
    return group == 16 || group == 32 || group == 64 || group == 128 || group == 256;
  }
  /// Inputs that an integer sum is of.
  int64_t sumInputs() const { return std::min<int64_t>(linear.group, 32); }

  /// As many as fit four blocks on a multiprocessor (16 rows of slices of 128 inputs: three; of 64 in groups of 16:
  /// two), or all of them: a number of whole slices for each warp.
  int64_t pieceInputs() const {
    int64_t most = (linear.group < 32 ? 4096 : 8192) / rows;
    return std::min(std::max(most, leastInputs()), roundUp(linear.inputs, leastInputs()));
  }
  int64_t leastInputs() const { return kWarps * linear.sliceBytes(); } ///< a slice for each warp
  int64_t pieceSlices() const { return pieceInputs() / linear.sliceBytes(); }
  int64_t pieceGroups() const { return pieceInputs() / linear.group; }
  int64_t pieces() const { return (linear.slices() + pieceSlices() - 1) / pieceSlices(); }

  // Shared memory: twice what comes from memory for a piece, then all its integer sums, then rows that are made here,
  // which stay.
  /// From one row of codes to the next: 16 bytes more, so that eight rows lie in different banks.
  int64_t codeStride() const { return made ? places().stride : pieceInputs() + 16; }
  int64_t groupStride() const { return made ? places().numbersStride : pieceGroups() * GroupedRow::kGroupBytes; }
  int64_t groupsPlace() const { return rows * codeStride(); }
  int64_t scalesPlace() const { return made ? 0 : groupsPlace() + rows * groupStride(); }
  int64_t bufferBytes() const { return scalesPlace() + pieceGroups() * linear.scaleBytes(); }
  int64_t sumsPlace() const { return 2 * bufferBytes(); }
  int64_t madePlace() const { return sumsPlace() + pieceInputs() / sumInputs() * rows * LinearSpec::kTile * 4; }
  int64_t sharedBytes() const { return madePlace() + (made ? places().end : 0); }
  MadeRowsPlaces places() const { return {*made, linear, 0}; }
};

/// (weights, codes, numbers of groups, results, bytes from one row of results to the next, number of
/// rows), as linearArguments has them; where it makes the rows, rowArguments; then the marks, if any. Grid and results
/// as linearDecodeKernel has them.
std::string groupedDecodeKernel(KernelLibrary &kernels, const GroupedDecodeSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_GROUPEDDECODE_H
