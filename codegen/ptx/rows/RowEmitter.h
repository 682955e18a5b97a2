// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the code of row kernels is written with: a row in registers, what each step makes of it, sums and extremes of
// all of it. By theme: loads in RowLoads.cpp and RowParts.cpp, stores in RowStores.cpp, codes in RowCodes.cpp and
// RowGroups.cpp, rotation in RowRotation.cpp, the rest in RowEmitter.cpp. For these files only. Tested by
// test/unit/codegen/ptx/Row*Test.cpp.
#ifndef LMOPT_CODEGEN_PTX_ROWS_ROWEMITTER_H
#define LMOPT_CODEGEN_PTX_ROWS_ROWEMITTER_H

#include "codegen/ptx/rows/RowKernel.h"

namespace lmopt::nvptx {

class RowEmitter {
public:
  using Value = mlir::Value;
  using Values = Emitter::Values;
  static constexpr int64_t kThreads = RowSpec::kThreads, kWarps = kThreads / kWarpLanes;
  /// Neighbouring numbers that a thread loads at once: 16 bytes.
  static constexpr int64_t kRun = 4;
  /// Of the numbers of warps or chains, at the front of the memory in which threads meet; behind them the row.
  static constexpr int64_t kSumBytes = 4 * 64;

  RowEmitter(Emitter &e, const RowSpec &spec, mlir::ValueRange pointers, const RowPlace &place)
      : e(e), spec(spec), pointers(pointers), place(place), shared(place.exchange), thread(e.thread()), row(place.row) {
  }

  void run() {
    for (const RowStep &step : spec.steps)
      given.push_back(emit(step));
  }

private:
  Emitter &e;
  const RowSpec &spec;
  mlir::ValueRange pointers;
  const RowPlace &place;
  Value shared, thread, row;
  std::vector<Values> given; ///< of each step: kRun numbers a turn

  Values emit(const RowStep &step);

  int64_t padded() const { return spec.floatBytes() / 4; }
  int64_t turns() const { return (spec.codeBytes() + kThreads * kRun - 1) / (kThreads * kRun); }
  Value pointer(const RowStep &step, size_t i) { return pointers[static_cast<size_t>(step.pointers[i])]; }
  const Values &operand(const RowStep &step, size_t i) const { return given[static_cast<size_t>(step.operands[i])]; }
  /// Place of a thread's first number of a turn.
  Value firstOf(int64_t turn) { return e.mul(e.add(thread, turn * kThreads), kRun); }
  static Values runOf(const Values &numbers, int64_t turn) {
    return Values(mlir::ArrayRef(numbers).slice(static_cast<size_t>(turn * kRun), kRun));
  }

  /// Whether all numbers of a turn lie below `width`, for all threads.
  static bool isWhole(int64_t turn, int64_t width) { return (turn + 1) * kThreads * kRun <= width; }
  void below(int64_t turn, int64_t width, const std::function<void()> &body);
  static Values each(const Values &numbers, llvm::function_ref<Value(Value)> function);
  static Values zip(const Values &left, const Values &right, llvm::function_ref<Value(Value, Value)> function);
  /// Zero where there is no number of the row.
  Values masked(const Values &numbers);

  // Numbers of a whole row.
  /// One number of all threads: within a warp by shuffles, then the warps in their order.
  Value reduce(Value own, llvm::function_ref<Value(Value, Value)> combine);
  /// In the order of codegen/RowSums.h; numbers beyond the row are zero.
  Value sum(const Values &numbers, bool ofSquares);
  /// The row to shared memory, where its threads meet.
  void shareRow(const Values &numbers);
  /// Of one of the chains of `width` numbers in shared memory, from its first one on.
  Value chain(Value first, int64_t width, bool ofSquares);
  Value sumOfChains(Value own, int64_t chains);
  Value mean(const Values &numbers, bool ofSquares);
  Value reciprocalSqrt(Value x) { return e.div(e.floatOf(1), e.sqrt(x)); }

  // Loads.
  /// `numbers` gives those from a place on.
  Values loadRuns(llvm::function_ref<Values(Value)> numbers);
  Values load(Value from);
  Values loadNumbered(const RowStep &step);
  Values loadPosition(const RowStep &step);
  Values loadFragments(const RowStep &step);
  Values joinParts(const RowStep &step);

  // Norms.
  Values rmsNorm(const RowStep &step);
  Values headRmsNorm(const RowStep &step);
  Value factorOfHead(const RowStep &step, Value head);
  Values layerNorm(const RowStep &step);
  Values l2Normalize(const RowStep &step);
  /// x * factor, times factors and with sums of their own, as far as the step has them.
  Values scaled(const RowStep &step, const Values &x, Value factor);

  // Stores.
  void store(const RowStep &step);
  /// Where the row's part of this number goes, whose rows are so many bytes apart in memory.
  Value target(const RowStep &step, size_t part, int64_t bytes) {
    return step.isOperand ? place.operand(part) : e.atElement(pointer(step, part), row, bytes);
  }
  /// By one block, unless each needs it for itself. Nothing in the body waits for other threads.
  void whereStored(const RowStep &step, const std::function<void()> &body) {
    step.isOperand || !place.isStored ? body() : e.ifThen(place.isStored, body);
  }
  void storeFloats(const RowStep &step);
  void storePacked(const RowStep &step);
  void storeHalves(const RowStep &step);

  // Codes.
  void storeCodes(const RowStep &step);
  void storeStaticCodes(const RowStep &step);
  Value trainedCode(Value x, const CodeRange &range);
  Value clamped(Value code) { return e.max(e.min(code, e.number(255)), e.number(0)); }
  /// The codes and what the row's stand for.
  void putCodes(const RowStep &step, Value scale, Value zeroPoint, llvm::function_ref<Value(Value)> code);
  Value packed(const Values &codes); ///< the low bytes of four

  // Codes in groups.
  void storeGroups(const RowStep &step);
  Value magnitude(Value x) { return e.bitcast(e.bitAnd(e.bitcast(x, e.i32()), 0x7fffffff), e.f32()); }
  void storeTurn(const RowStep &step, int64_t turn);

  // Rotation.
  Values rotate(const RowStep &step);
  void turnWithinRuns(Values &numbers, int64_t distance);
  void turnBetweenLanes(Values &numbers, int64_t distance);
  void turnBetweenThreads(Values &numbers, int64_t distance);
  /// Of two numbers that meet, the one whose thread has this bit is subtracted.
  Value signOf(int64_t bit) {
    return e.select(e.equal(e.bitAnd(thread, bit), e.number(0)), e.floatOf(1), e.floatOf(-1));
  }
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ROWS_ROWEMITTER_H
