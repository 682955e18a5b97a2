// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// linearTileKernel for sm_90a: the same grid, arguments and results, products by wgmma.
//
// A block makes 128 outputs of 64 or 128 rows. A ninth warp fills a ring of stages in shared memory; two times four
// warps multiply, each 16 outputs of all rows: weights from registers, rows from shared memory by descriptor. Stages
// are handed over by mbarriers, two for each: `full` (all bytes have come), `empty` (nobody reads any more). Weights of
// a stage are loaded into registers while the products of the stage before are under way.
//
// Weights of a stage lie in one piece for each 16 outputs: eight bulk copies of 2 KB. Rows do not: wgmma wants 16-byte
// chunks of a row of 128 bytes where a swizzle has them. Rows that were written so (ptx.md 2.2) would be one bulk copy,
// but each kernel that writes or reads rows would have to know a second layout; bulk copies of single chunks would be
// 1024 a stage, each an instruction; of whole pieces of rows 128, but they cannot swizzle. cp.async of 16 bytes a lane
// puts chunks where they belong: 32 instructions of the warp for 128 rows, each of 512 bytes, beside the 490 cycles
// that the tensor cores take for the stage (computed, not measured: 128 x 128 x 128 products at 4271 a cycle), and rows
// that there are not become zero on the way. It reads the same sectors as bulk copies would. The lanes tell of a
// stage's rows when they have asked for those of the next two.
//
// Registers are not moved between warps (setmaxnreg): 288 threads have room for all that they want, and a producer of
// one warp is not the warpgroup that would have to agree on it. Codes give the bits of linearTileKernel for sm_80;
// bf16 sums as the tensor cores add, one chain along the inputs. Source: ptx.md 1.3, 1.4. Tested by
// test/unit/codegen/ptx/LinearTileHopperTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_LINEARTILEHOPPER_H
#define LMOPT_CODEGEN_PTX_LINEAR_LINEARTILEHOPPER_H

#include "codegen/ptx/linear/LinearTile.h"

namespace lmopt::nvptx {

/// Shared memory: the ring, then its mbarriers.
struct HopperTileLayout {
  static constexpr int64_t kStages = LinearTileSpec::kStages;
  int64_t rows;           ///< of a block
  int64_t ring = kStages; ///< LinearTileSpec::ring

  /// Warps that multiply, 16 outputs each, and with the one that copies.
  static constexpr int64_t kProductWarps = LinearTileSpec::kTiles, kWarps = kProductWarps + 1;
  /// Bytes of the weights of 16 outputs, and of all, in a stage.
  static constexpr int64_t kTileBytes = LinearTileSpec::kStageSlices * LinearSpec::kSlice,
                           kWeightBytes = LinearTileSpec::kTiles * kTileBytes;
  /// Stages whose rows are under way when those of an earlier one are told of.
  static constexpr int64_t kUntold = 2;

  int64_t stageBytes() const { return kWeightBytes + rows * LinearTileSpec::kStageRow; }
  int64_t fullPlace() const { return ring * stageBytes(); }
  int64_t emptyPlace() const { return fullPlace() + ring * 8; }
  int64_t sharedBytes() const { return emptyPlace() + ring * 8; }
};

std::string linearTileHopperKernel(KernelLibrary &kernels, const LinearTileSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_LINEARTILEHOPPER_H
