// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the row-wise ops of a step to a row program, and what the models of such ops (codegen/cpu/<family>/*Model.cpp)
// have in common. In: a plan.step. Out: RowProgram. Tested by test/codegen/lower and the end-to-end tests.
#ifndef LMOPT_CODEGEN_CPU_ROWS_ROWMODEL_H
#define LMOPT_CODEGEN_CPU_ROWS_ROWMODEL_H

#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/rows/RowProgram.h"
#include "codegen/plan/Neighbours.h"

namespace lmopt::cpu {

/// A row program under construction: values are numbered in order of appearance.
class RowProgramBuilder {
public:
  explicit RowProgramBuilder(plan::StepOp step) : step(step) {}
  RowProgram build();

  /// What an op does to a row: its operands and weights in order, and its result.
  void add(mlir::Operation *op, RowFunctionRef function);
  /// The same in parts: the result is the number of a value that no op has.
  int64_t append(RowFunctionRef function, std::vector<int64_t> operands, int64_t width,
                 std::vector<int64_t> weights = {});
  void define(mlir::Value value, int64_t number) { numbers[value] = number; }
  std::vector<int64_t> weightsOf(mlir::Operation *op) const;

private:
  plan::StepOp step;
  RowProgram program = {};
  llvm::DenseMap<mlir::Value, int64_t> numbers;

  int64_t newValue(int64_t width);
  void addInput(mlir::Value inside, mlir::Value rows);
};

inline RowProgram rowProgramOf(plan::StepOp step) { return RowProgramBuilder(step).build(); }

/// The kernel of such a step and how it is called.
Kernel rowProgramKernel(KernelLibrary &kernels, plan::StepOp step);

using plan::endsIn8Bits;

/// Refuses blocks that no register holds.
mlir::LogicalResult checkRotation(mlir::Operation *op, int64_t block);

/// Every weight of the op (lm::StepOpInterface) as rows of f32.
void addRowsOfWeights(mlir::Operation *op, llvm::SmallVectorImpl<PackedUse> &uses);
PackedUse packedRows(mlir::Operation *user, mlir::FlatSymbolRefAttr table);

/// The model of an op whose weights are vectors or tables in rows; Model::function(op) gives the row function.
template <class Model, class Op>
struct RowModel : RowOpInterface::ExternalModel<Model, Op> {
  mlir::LogicalResult prepare(mlir::Operation *, plan::ProgramOp) const { return mlir::success(); }
  void getPackedWeights(mlir::Operation *op, plan::ProgramOp, llvm::SmallVectorImpl<PackedUse> &uses) const {
    addRowsOfWeights(op, uses);
  }
  void addTo(mlir::Operation *op, RowProgramBuilder &program) const {
    program.add(op, Model::function(mlir::cast<Op>(op)));
  }
};

/// Which numbers of tokens the step looks up: see Argument::Tokens. There is one sort in a step.
int64_t tokensNumber(plan::StepOp step);

} // namespace lmopt::cpu

#endif
