// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Trees of neurons, gates, experts (in f32 and in codes) and the product without zeros: numbered constraints. Tested by
// test/dialects/lm/conditional.

#include "dialects/lm/conditional/Conditional.h"

#include "dialects/lm/Verify.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lmopt::lm;

#define GET_OP_CLASSES
#include "dialects/lm/conditional/Conditional.cpp.inc"

/// The f32 or bf16 matrix, or where `codes` the int8 one, that a symbol names.
static FailureOr<ParamOp> expectMatrix(Operation *op, SymbolTableCollection &tables, FlatSymbolRefAttr symbol,
                                       StringRef constraint, bool codes) {
  ParamOp param = lookupParam(tables, op, symbol);
  auto matrix = param ? dyn_cast<RankedTensorType>(param.getType()) : RankedTensorType();
  bool floats =
      matrix && matrix.getRank() == 2 && (matrix.getElementType().isF32() || matrix.getElementType().isBF16());
  if (floats || (codes && param && isa<Int8Type>(param.getType())))
    return param;
  return op->emitOpError() << constraint << ": " << symbol << " must be a lm.param that is a matrix of f32 or bf16"
                           << (codes ? " or of type !lm.int8" : "");
}

static LogicalResult expectSizes(Operation *op, ParamOp param, StringRef constraint, int64_t rows, int64_t columns) {
  SmallVector<int64_t> shape = param.getShape();
  if (shape[0] == rows && shape[1] == columns)
    return success();
  return op->emitOpError() << constraint << ": @" << param.getSymName() << " must be " << rows << " x " << columns
                           << ", but is " << shape[0] << " x " << shape[1];
}

static LogicalResult expectColumns(Operation *op, ParamOp param, int64_t width) {
  if (param.getShape()[1] == width)
    return success();
  return op->emitOpError() << "C2: @" << param.getSymName() << " has " << param.getShape()[1]
                           << " columns, but the input has width " << width;
}

/// Batch and sequence of all operands and the result.
static LogicalResult expectSameRows(Operation *op, StringRef constraint) {
  auto result = cast<ShapedType>(op->getResult(0).getType());
  for (Value operand : op->getOperands())
    if (!leadingSizesAgree(result, cast<ShapedType>(operand.getType())))
      return op->emitOpError() << constraint << ": " << operand.getType() << " and the result " << Type(result)
                               << " disagree in batch or sequence";
  return success();
}

//===- Trees of neurons -------------------------------------------------------------------------------------------===//

int64_t NeuronTreeOp::levelsOf(int64_t rows, int64_t trees) {
  int64_t ends = trees > 0 && rows % trees == 0 ? rows / trees + 1 : 0; // 2^L
  bool whole = ends >= 2 && ends <= (int64_t{1} << 24) && llvm::isPowerOf2_64(static_cast<uint64_t>(ends));
  return whole ? static_cast<int64_t>(llvm::Log2_64(static_cast<uint64_t>(ends))) : 0;
}

LogicalResult NeuronTreeOp::verifySymbolUses(SymbolTableCollection &tables) {
  FailureOr<ParamOp> weight = expectMatrix(*this, tables, getWeightAttr(), "C1", false);
  if (failed(weight) || failed(expectColumns(*this, *weight, widthOf(getInput()))))
    return failure();
  int64_t rows = (*weight).getShape()[0];
  if (!levelsOf(rows, static_cast<int64_t>(getTrees())))
    return emitOpError("C3: ") << getWeightAttr() << " has " << rows << " rows, which is not " << getTrees()
                               << " times 2^L - 1 with L from 1 to 24";
  if (failed(verifyVector(*this, tables, getBiasAttr(), rows, "C4")))
    return failure();
  FailureOr<ParamOp> values = expectMatrix(*this, tables, getValuesAttr(), "C5", true);
  if (failed(values) || failed(expectSizes(*this, *values, "C5", rows, widthOf(getResult()))))
    return failure();
  if (!getNarrowAttr())
    return success();
  FailureOr<ParamOp> narrow = expectMatrix(*this, tables, getNarrowAttr(), "C7", true);
  if (failed(narrow) || failed(expectSizes(*this, *narrow, "C7", rows, widthOf(getInput()))))
    return failure();
  return failed(expectF32Param(*this, tables, getWeightAttr(), 2, "C7")) ? failure() : success();
}

LogicalResult NeuronTreeOp::verify() {
  if (failed(expectSameRows(*this, "C6")))
    return failure();
  if (static_cast<int64_t>(getTrees()) < 1)
    return emitOpError("C8: expected a tree at least, but found ") << static_cast<int64_t>(getTrees());
  return success();
}

//===- Gates ------------------------------------------------------------------------------------------------------===//

LogicalResult TreeGatesOp::verifySymbolUses(SymbolTableCollection &tables) {
  FailureOr<ParamOp> weight = expectF32Param(*this, tables, getWeightAttr(), 2, "C1");
  if (failed(weight) || failed(expectColumns(*this, *weight, widthOf(getInput()))))
    return failure();
  int64_t nodes = (*weight).getShape()[0], leaves = widthOf(getResult());
  bool whole = leaves >= 2 && leaves <= (1 << 20) && llvm::isPowerOf2_64(static_cast<uint64_t>(leaves));
  if (!whole || nodes != leaves - 1)
    return emitOpError("C3: ") << getWeightAttr() << " has " << nodes << " rows and the result is " << leaves
                               << " wide, which are not 2^D - 1 and 2^D with D from 1 to 20";
  return verifyVector(*this, tables, getBiasAttr(), nodes, "C4");
}

LogicalResult TreeGatesOp::verify() {
  if (failed(expectSameRows(*this, "C5")))
    return failure();
  auto count = static_cast<int64_t>(getCount());
  if (count < 1 || count > widthOf(getResult()))
    return emitOpError("C6: expected a count from 1 to ") << widthOf(getResult()) << ", but found " << count;
  return success();
}

LogicalResult TopGatesOp::verify() {
  auto count = static_cast<int64_t>(getCount());
  if (count < 1 || count > widthOf(getResult()))
    return emitOpError("C1: expected a count from 1 to ") << widthOf(getResult()) << ", but found " << count;
  if (getSoftmax() != "chosen" && getSoftmax() != "all" && getSoftmax() != "none")
    return emitOpError("C2: softmax must be \"chosen\", \"all\" or \"none\", but is \"") << getSoftmax() << "\"";
  return success();
}

//===- Experts ----------------------------------------------------------------------------------------------------===//

/// Each expert has as many rows of the matrix: C3.
static LogicalResult expectSharedEvenly(Operation *op, FlatSymbolRefAttr matrix, int64_t rows, int64_t experts) {
  if (rows % experts == 0)
    return success();
  return op->emitOpError("C3: ") << matrix << " has " << rows << " rows, which is no multiple of the " << experts
                                 << " gates";
}

LogicalResult ExpertsOp::verifySymbolUses(SymbolTableCollection &tables) {
  FailureOr<ParamOp> weight = expectF32Param(*this, tables, getWeightAttr(), 2, "C1");
  if (failed(weight) || failed(expectColumns(*this, *weight, widthOf(getInput()))))
    return failure();
  int64_t rows = (*weight).getShape()[0], experts = widthOf(getGates());
  if (failed(expectSharedEvenly(*this, getWeightAttr(), rows, experts)))
    return failure();
  if (getUpAttr()) {
    FailureOr<ParamOp> up = expectF32Param(*this, tables, getUpAttr(), 2, "C1");
    if (failed(up) || failed(expectColumns(*this, *up, widthOf(getInput()))) ||
        failed(expectSizes(*this, *up, "C3", rows, widthOf(getInput()))))
      return failure();
  }
  FailureOr<ParamOp> values = expectF32Param(*this, tables, getValuesAttr(), 2, "C5");
  if (failed(verifyVector(*this, tables, getBiasAttr(), rows, "C4")) || failed(values) ||
      failed(expectSizes(*this, *values, "C5", rows, widthOf(getResult()))))
    return failure();
  if (!getValuesBiasAttr())
    return success();
  FailureOr<ParamOp> bias = expectF32Param(*this, tables, getValuesBiasAttr(), 2, "C6");
  return failed(bias) ? failure() : expectSizes(*this, *bias, "C6", experts, widthOf(getResult()));
}

LogicalResult ExpertsOp::verify() { return expectSameRows(*this, "C7"); }

//===- Experts in codes -------------------------------------------------------------------------------------------===//

/// The matrix of codes in groups that a symbol names: C1 and C7 of lm.grouped_experts.
static FailureOr<ParamOp> expectGroups(Operation *op, SymbolTableCollection &tables, FlatSymbolRefAttr symbol) {
  ParamOp param = lookupParam(tables, op, symbol);
  int64_t group = param ? integerGroup(param.getType()) : 0;
  if (group == 0)
    return op->emitOpError("C1: ") << symbol << " must be a lm.param of type !lm.grouped or !lm.codebook with groups";
  if (group > 65536)
    return op->emitOpError(
               "C7: expected groups of at most 65536 numbers, so that int32 sums cannot overflow, but found ")
           << group;
  return param;
}

/// A matrix that the input is multiplied with: C2 and C4.
static LogicalResult expectReadsInput(GroupedExpertsOp op, ParamOp matrix) {
  if (failed(expectColumns(op, matrix, widthOf(op.getInput()))))
    return failure();
  int64_t group = op.getInput().getType().getGroup(), own = integerGroup(matrix.getType());
  if (own == group)
    return success();
  return op.emitOpError("C4: activations are in groups of ")
         << group << ", but @" << matrix.getSymName() << " is in groups of " << own;
}

LogicalResult GroupedExpertsOp::verifySymbolUses(SymbolTableCollection &tables) {
  FailureOr<ParamOp> weight = expectGroups(*this, tables, getWeightAttr());
  if (failed(weight) || failed(expectReadsInput(*this, *weight)))
    return failure();
  int64_t rows = (*weight).getShape()[0], experts = widthOf(getGates());
  if (failed(expectSharedEvenly(*this, getWeightAttr(), rows, experts)))
    return failure();
  if (getUpAttr()) {
    FailureOr<ParamOp> up = expectGroups(*this, tables, getUpAttr());
    if (failed(up) || failed(expectReadsInput(*this, *up)) ||
        failed(expectSizes(*this, *up, "C3", rows, widthOf(getInput()))))
      return failure();
  }
  FailureOr<ParamOp> values = expectGroups(*this, tables, getValuesAttr());
  return failed(values) ? failure() : expectSizes(*this, *values, "C5", experts * widthOf(getResult()), rows / experts);
}

LogicalResult GroupedExpertsOp::verify() { return expectSameRows(*this, "C6"); }

//===- The product without zeros ----------------------------------------------------------------------------------===//

LogicalResult NonzeroLinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  FailureOr<ParamOp> weight = expectMatrix(*this, tables, getWeightAttr(), "C1", true);
  if (failed(weight))
    return failure();
  SmallVector<int64_t> shape = (*weight).getShape();
  if (shape[0] != widthOf(getInput()))
    return emitOpError("C2: ") << getWeightAttr() << " has " << shape[0] << " rows, but the input has width "
                               << widthOf(getInput());
  if (shape[1] != widthOf(getResult()))
    return emitOpError("C3: ") << getWeightAttr() << " has " << shape[1] << " columns, but the result has width "
                               << widthOf(getResult());
  return verifyVector(*this, tables, getBiasAttr(), shape[1], "C4");
}

LogicalResult NonzeroLinearOp::verify() { return expectSameRows(*this, "C5"); }
