// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all products do with a sum: scales, its bias, and its place. In: sums as lanes hold them, the kernel's
// arguments. Out: rows of results. Tested by the kernels (test/unit/codegen/ptx/LinearDecodeTest.cpp,
// LinearTileTest.cpp, GroupedDecodeTest.cpp).
#ifndef LMOPT_CODEGEN_PTX_LINEAR_LINEARRESULTS_H
#define LMOPT_CODEGEN_PTX_LINEAR_LINEARRESULTS_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/linear/Matrices.h"

namespace lmopt::nvptx {

/// (weights, rows, scales of rows, zero points of rows, how many blocks are stored, results, bytes from one row of
/// results to the next, number of rows); scales and zero points only of codes, the numbers of groups in their place of
/// codes in groups, blocks only of Blocks. Where there are `matrices`, the weights of each, and for each its results and
/// their distance.
llvm::SmallVector<ArgumentKind> linearArguments(const LinearSpec &linear, size_t matrices = 1);
/// The same with the arguments of what makes the rows in place of the rows and what belongs to them.
llvm::SmallVector<ArgumentKind> linearArguments(llvm::ArrayRef<ArgumentKind> rows, size_t matrices);

struct LinearResults {
  using Value = mlir::Value;
  Emitter &e;
  const LinearSpec &linear; ///< of all matrices, but for the outputs
  Matrices matrices;
  Value weights, out, stride, count; ///< of the block's matrix
  Value scales = {}, zeros = {};     ///< of rows; S8Rows
  /// Which results are wanted, if not all: words [rows][tiles of the matrix], bit i for output i of the tile.
  Value marks = {};
  int64_t outputsOfBlock = LinearSpec::kTile;

  /// Of a kernel with linearArguments; `madeRows`: scales and zero points are told later.
  static LinearResults of(Emitter &e, const LinearSpec &linear, const Matrices &matrices, mlir::ValueRange arguments,
                          bool madeRows = false);

  /// One of the numbers of 4 bytes for each output, which lie at `offset` of the weights.
  Value loadOf(mlir::Type type, int64_t (LinearSpec::*offset)() const, Value output) {
    return e.load(type, e.at(at(offset), e.mul(output, 4)));
  }
  Value at(int64_t (LinearSpec::*offset)() const) {
    return e.at(weights, matrices.bytes([&](const LinearSpec &spec) { return (spec.*offset)(); }));
  }
  /// A result with its bias to its place, where there is such a row. Behind the last output stands nothing that is
  /// ours, or the padding of rows of floats, which must be zero: the sum there is.
  void put(Value number, Value row, Value output);

  /// What sums of an output need besides the row's numbers; null what there is not.
  struct OfOutput {
    Value output, scale, codes, bias;
  };
  /// Of the two outputs of a tile that a lane has sums of: numbers lane / 4 and lane / 4 + 8. Behind the last tile the
  /// numbers are those of its end: nothing is stored there.
  llvm::SmallVector<OfOutput, 2> ofTile(Value tile);
  /// The sums that mma.sync leaves in a lane, four for each two of `outputs`: of rows 2 (lane mod 4) and one more, the
  /// first of eight being `firstRow`.
  void putOperands(llvm::ArrayRef<Value> sums, llvm::ArrayRef<OfOutput> outputs, Value firstRow);
  /// A finished number to its place, as put.
  void store(Value number, Value row, Value output);
  /// Whether a result of `tile` is wanted in one of so many rows from the first on, of which one is there. All threads
  /// agree.
  Value isAnyMarked(Value tile, Value firstRow, int64_t rows);

private:
  Value marksOf(Value row, Value tile);

  struct OfRow {
    Value scale, zero;
  };
  OfRow ofRow(Value row);
  Value scaled(Value sum, const OfRow &row, const OfOutput &output);
  Value storedOutputs();
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_LINEARRESULTS_H
