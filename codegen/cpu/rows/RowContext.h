// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What row functions are written with: the operands, weights and numbers of the one row that code is emitted for, and
// where its result goes. In the bodies of kernels only; each call appends ops at the emitter's insertion point, so
// their order is the order of the code. Filled by RowKernels.cpp; tested by test/unit/codegen/RowFunctionTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_ROWS_ROWCONTEXT_H
#define LMOPT_CODEGEN_CPU_ROWS_ROWCONTEXT_H

#include "codegen/cpu/Emitter.h"
#include "codegen/cpu/rows/RowProgram.h"

#include <map>

namespace lmopt::cpu {

/// `v` with zeros in the lanes beyond the row, where an operation would have filled them; `offset`: bytes of the row
/// before the register.
mlir::Value zeroBeyondWidth(Emitter &e, int64_t width, mlir::Value v, mlir::Value offset);

/// What all rows of a kernel share.
struct RowKernel {
  Emitter &e;
  const RowProgram &program;
  mlir::Value tokens, rowInfo;
  std::vector<bool> stored;           ///< see storedValues
  std::vector<float> pending;         ///< see pendingFactors
  std::vector<mlir::Value> weights{}; ///< by number
};

/// One of the rows that are at work together.
struct RowState {
  mlir::Value index;
  std::vector<mlir::Value> address; ///< by value number
  std::map<const RowOp *, Emitter::Values> numbers{};
};

/// Where the current pass is: `registers` vectors from byte `offset` on, and the values made for them so far.
struct ChunkState {
  mlir::Value offset;
  int64_t registers;
  std::map<int64_t, Emitter::Values> made{};
};

/// A row as one operation sees it.
class RowContext {
public:
  using Value = mlir::Value;
  using Values = Emitter::Values;
  RowContext(const RowKernel &kernel, RowState &row, const RowOp &op) : e(kernel.e), kernel(kernel), row(row), op(op) {}

  Emitter &e;
  int64_t width() const { return op.width; }
  size_t weightCount() const { return op.weights.size(); }
  Value weight(int64_t number) const { return kernel.weights[op.weights[number]]; }
  Value weightAt(int64_t number, Value offset) { return e.loadFloats(e.at(weight(number), offset)); }
  Value result() const { return row.address[op.result]; } ///< where the row of the result begins
  Value tokenId();                                        ///< i64
  Value position();                                       ///< i64

  /// Numbers of the whole row, in the order in which the function's reduction remembered them.
  Value number(int64_t i) const { return row.numbers[&op][i]; }
  void remember(Value number) { row.numbers[&op].push_back(number); }

  float operandFactor(int64_t number) const { return kernel.pending[op.operands[number]]; }
  bool leavesFactor() const { return kernel.pending[op.result] != 1; }

protected:
  const RowKernel &kernel;
  RowState &row;
  const RowOp &op;
};

/// As many registers of the row as are taken together.
class RowChunk : public RowContext {
public:
  RowChunk(const RowKernel &kernel, RowState &row, const RowOp &op, ChunkState &state)
      : RowContext(kernel, row, op), state(state) {}

  int64_t registers() const { return state.registers; }
  Value offset(int64_t i = 0) { return e.add(state.offset, i * 64); } ///< bytes of a row of floats before register i
  Value operand(int64_t number, int64_t i);
  /// Register by register: `one` gets the number of a register and the bytes of a row of floats before it.
  Values make(const std::function<Value(int64_t, Value)> &one);
  void setResult(Values registers);
  void each(const std::function<Value(int64_t, Value)> &one) { setResult(make(one)); }

private:
  void store(Value v, Value offset);
  bool endsInsideVector() const;
  ChunkState &state;
};

/// What was gathered of the whole row.
class RowTotals : public RowContext {
public:
  RowTotals(const RowKernel &kernel, RowState &row, const RowOp &op, Values sums)
      : RowContext(kernel, row, op), sums(std::move(sums)) {}

  Value sum(int64_t accumulator = 0);
  Value least(int64_t accumulator = 0);
  Value largest(int64_t accumulator = 0);

private:
  Value join(int64_t accumulator, const std::function<Value(Value, Value)> &combine);
  Values sums; ///< [chains][accumulators]
};

} // namespace lmopt::cpu

#endif
