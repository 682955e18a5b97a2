// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an operation on rows says of itself, so that the engine of row programs (RowKernels.cpp) knows none by name. The
// row functions of a family of ops and their makers are in the family's folder (norm, elementwise, ...); what they are
// written with is in RowContext.h. Plain C++ for those who only make or ask them.
// Tested by test/unit/codegen/RowFunctionTest.cpp with functions of its own.
#ifndef LMOPT_CODEGEN_CPU_ROWS_ROWFUNCTION_H
#define LMOPT_CODEGEN_CPU_ROWS_ROWFUNCTION_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <memory>
#include <string>

namespace mlir {
class Value;
}

namespace lmopt::cpu {

class RowContext;
class RowChunk;
class RowTotals;

/// A row function's part in the name of a kernel. It must differ whenever the code would.
struct RowName {
  std::string function;       ///< with kinds and sizes of blocks: rotate64
  std::string constants = {}; ///< other numbers; stand behind operands, weights and width
};

/// How many registers of a row are taken together.
struct ChunkSize {
  int64_t registers = 0; ///< or a multiple of them; 0: any
  bool exactly = false;  ///< no multiple
};

/// Numbers of the whole row that a row function needs before it makes any of its result: sums, extremes. Each stage is
/// a walk over operand 0; a later one may use what the ones before remembered.
class RowReduction {
public:
  virtual int64_t stages() const { return 1; }
  /// Registers in which one chain of sums is gathered. They begin at zero.
  virtual int64_t accumulators() const { return 1; }
  /// Takes register `x` into the accumulators `sums`; `offset`: bytes of the row of floats before it.
  virtual void gather(RowContext &row, int64_t stage, mlir::Value x, mlir::Value offset,
                      llvm::MutableArrayRef<mlir::Value> sums) const = 0;
  /// Makes of what was gathered the numbers that `map` wants (RowContext::remember).
  virtual void conclude(RowTotals &totals, int64_t stage) const = 0;

protected:
  ~RowReduction() = default;
};

/// An operation on one row. Lanes beyond the width of a row of floats are zero, and stay so in every result.
class RowFunction {
public:
  virtual ~RowFunction() = default;
  virtual RowName name() const = 0;
  /// Emits the result of one chunk: RowChunk::each or setResult for floats, stores of its own for other rows.
  virtual void map(RowChunk &chunk) const = 0;
  virtual const RowReduction *reduction() const { return nullptr; }
  virtual ChunkSize chunk(int64_t width) const { return {}; }

  /// Fusion of neighbours. A factor that all the result is multiplied with in the end, and which others can apply as
  /// well, to the last bit; 1: none. It is left (RowContext::leavesFactor) if every reader takes factors and the result
  /// stays inside the program; who takes them applies RowContext::operandFactor.
  virtual float factor() const { return 1; }
  virtual bool takesFactors() const { return false; }
};

using RowFunctionRef = std::shared_ptr<const RowFunction>;

/// The row as it is: gathers, or brings a value into other memory.
RowFunctionRef copyRow();

} // namespace lmopt::cpu

#endif
