// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A warp multiplies a row of a step with rows of weights, and adds up what the warps of a block have of a column. In:
// rows of f32 in whole sectors. Out: sums in a fixed order, whatever other rows a step has. What bounds it: memory; so
// a lane has 16 bytes of each of several stretches on their way at once. Source: ptx.md 2. Tested by the kernels
// (test/unit/codegen/ptx/NeuronTreeTest.cpp, ExpertsTest.cpp).
#ifndef LMOPT_CODEGEN_PTX_CONDITIONAL_ROWPRODUCTS_H
#define LMOPT_CODEGEN_PTX_CONDITIONAL_ROWPRODUCTS_H

#include "codegen/ptx/Emitter.h"
#include "dialects/lm/Kinds.h"

namespace lmopt::nvptx {

/// Of so many threads each; so many that sixteen warps share a multiprocessor, which hide the latency of memory.
constexpr int64_t leastBlocksOf(int64_t threads) { return (16 * kWarpLanes + threads - 1) / threads; }

/// Of rows of so many numbers.
struct RowProducts {
  using Value = mlir::Value;
  using Values = Emitter::Values;
  Emitter &e;
  int64_t width;

  /// sum_k x[k] w[k] for each row w, in all lanes.
  Values sums(Value x, const Values &rows);
  /// A sum in f32 is off by at most this times |x| |w|: a lane adds once a stretch, four of its sums and those of 32
  /// lanes meet, a bias follows; two more are spare. (Cauchy-Schwarz.)
  double sumError() const { return static_cast<double>(stretches() + 10) * 0x1p-24; }

private:
  static constexpr int64_t kAhead = 8; ///< loads of rows on their way
  int64_t runs() const;                ///< of four numbers
  int64_t stretches() const { return (runs() + kWarpLanes - 1) / kWarpLanes; }
  Values addStretches(Value x, const Values &rows, Value first, int64_t count, bool isWhole, const Values &sums);
};

/// `kind` of a sum; what is no number stays so, though formulas clamp it.
mlir::Value activated(Emitter &e, Activation kind, mlir::Value x);

/// Columns of a result that a block makes, a lane each; its warps deal out what is summed.
struct ColumnSums {
  using Value = mlir::Value;
  static constexpr int64_t kThreads = 256, kWarps = kThreads / kWarpLanes, kColumns = kWarpLanes;
  static constexpr int64_t kSharedBytes = 4 * kThreads;
  static constexpr int64_t blocksOf(int64_t outputs) { return (outputs + kColumns - 1) / kColumns; }
  Emitter &e;
  int64_t outputs; ///< padding behind them becomes zero
  Value block;

  Value column() { return e.add(e.mul(block, kColumns), e.lane()); }
  Value isThere() { return e.less(column(), e.number(padded())); }
  /// Bytes to a column that there is.
  Value columnOffset() { return e.mul(e.select(isThere(), column(), e.number(0)), 4); }
  /// What the warps have, in their order, and `more`, to the row at `to`.
  void finish(Value own, Value to, llvm::function_ref<Value(Value sum)> more);

private:
  int64_t padded() const;
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_CONDITIONAL_ROWPRODUCTS_H
