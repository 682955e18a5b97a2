// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the row-wise ops of a step to a row kernel and its launch, and what the models of such ops
// (codegen/ptx/<family>/*Model.cpp) have in common. In: a plan.step. Out: RowSpec, Launch. Tested by test/codegen/ptx
// and all models compiled for GPUs.
#ifndef LMOPT_CODEGEN_PTX_ROWS_ROWMODEL_H
#define LMOPT_CODEGEN_PTX_ROWS_ROWMODEL_H

#include "codegen/ptx/Ptx.h"
#include "codegen/ptx/rows/RowKernel.h"
#include "dialects/lm/interfaces/Step.h"

#include "llvm/ADT/STLExtras.h"

namespace lmopt::nvptx {

/// What is done to rows, and with which arguments.
struct RowProgram {
  RowSpec spec;
  std::vector<Argument> arguments;
  bool joinsParts() const {
    return llvm::any_of(spec.steps, [](const RowStep &step) { return step.kind == RowStepKind::JoinParts; });
  }
};

/// A row kernel under construction: what its steps give is numbered as they are.
class RowProgramBuilder {
public:
  /// `operand`: rows that a product makes for itself (linear/RowPrologue.h), or null.
  explicit RowProgramBuilder(LaunchBuilder &launches, mlir::Value operand = {})
      : launches(launches), operand(operand) {}

  /// What an op does to a row: its operands in order, and pointers beside them.
  void add(mlir::Operation *op, RowStep step, llvm::ArrayRef<Argument> pointers = {});
  /// The same in parts: the number of what no op has.
  int64_t append(RowStep step, llvm::ArrayRef<Argument> pointers = {});
  /// An op whose result is codes: they are stored where the step has its rows.
  void storeCodes(mlir::Operation *op, RowStep step);
  void define(mlir::Value value, int64_t number) { numbers[value] = number; }
  int64_t numberOf(mlir::Value value) const { return numbers.lookup(value); }
  Argument weight(const plan::PackedUse &use) { return launches.weight(use); }
  /// A number for each token that the op looks up.

  /// What the step does; what stores such rows as they are.
  RowProgram build();
  RowProgram buildStore(int64_t number, mlir::Value rows);
  void launch() { launch(build()); }
  void launch(const RowProgram &program);

private:
  LaunchBuilder &launches;
  mlir::Value operand;
  RowSpec spec;
  std::vector<Argument> arguments;
  llvm::DenseMap<mlir::Value, int64_t> numbers;

  void load(mlir::Value inside, mlir::Value rows);
  void store(int64_t number, mlir::Value rows);
  /// Where the step does not keep it for a product.
  void appendStore(RowStep step, mlir::Value rows, llvm::ArrayRef<Argument> places);
};

/// Refuses a step whose rows have several widths: the kernels keep one.
mlir::LogicalResult checkWidths(mlir::Operation *op);

/// Turning blocks of so many numbers of an operand (empty: those of the op); refuses blocks that no kernel turns.
RowStep rotation(std::vector<int64_t> operands, int64_t block);
mlir::LogicalResult checkRotation(mlir::Operation *op, int64_t block);

/// A vector or table as packed rows; of every weight of the op.
plan::PackedUse packedTable(mlir::Operation *user, mlir::FlatSymbolRefAttr table);
void addTablesOfWeights(mlir::Operation *op, llvm::SmallVectorImpl<plan::PackedUse> &uses);

/// The model of an op whose weights are vectors or tables in rows; Model::step(op) says what is done.
template <class Model, class Op>
struct RowModel : RowOpInterface::ExternalModel<Model, Op> {
  mlir::LogicalResult prepare(mlir::Operation *op, plan::ProgramOp) const { return checkWidths(op); }
  void getPackedWeights(mlir::Operation *op, plan::ProgramOp, llvm::SmallVectorImpl<plan::PackedUse> &uses) const {
    addTablesOfWeights(op, uses);
  }
  void addTo(mlir::Operation *op, RowProgramBuilder &program) const {
    llvm::SmallVector<plan::PackedUse> uses;
    addTablesOfWeights(op, uses);
    llvm::SmallVector<Argument> pointers;
    for (const plan::PackedUse &use : uses)
      pointers.push_back(program.weight(use));
    program.add(op, Model::step(mlir::cast<Op>(op)), pointers);
  }
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ROWS_ROWMODEL_H
