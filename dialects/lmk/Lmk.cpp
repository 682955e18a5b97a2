// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernel dialect `lmk`: registration, the short type syntax of its ops and their verifiers.
// Tested by test/dialects/lmk.
#include "dialects/lmk/Lmk.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace lmopt::lmk;

// `acc type, byte type`: the result has the type of the accumulator, both factors are of one type.
static ParseResult parseDotTypes(OpAsmParser &parser, Type &accumulator, Type &lhs, Type &rhs, Type &result) {
  if (parser.parseType(accumulator) || parser.parseComma() || parser.parseType(lhs))
    return failure();
  rhs = lhs;
  result = accumulator;
  return success();
}

static void printDotTypes(OpAsmPrinter &printer, Operation *, Type accumulator, Type lhs, Type, Type) {
  printer << accumulator << ", " << lhs;
}

// `table type, byte type`: the result has the type of the numbers.
static ParseResult parseLookupTypes(OpAsmParser &parser, Type &table, Type &numbers, Type &result) {
  if (parser.parseType(table) || parser.parseComma() || parser.parseType(numbers))
    return failure();
  result = numbers;
  return success();
}

static void printLookupTypes(OpAsmPrinter &printer, Operation *, Type table, Type numbers, Type) {
  printer << table << ", " << numbers;
}

#include "dialects/lmk/LmkDialect.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/lmk/LmkOps.cpp.inc"

void LmkDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/lmk/LmkOps.cpp.inc"
      >();
}

// What the dot products share: one type for accumulator and result, one for both factors, one fixed dimension each,
// and `ratio` factors for each sum.
static LogicalResult verifyDot(Operation *op, bool elementsFit, StringRef elements, int64_t ratio) {
  auto sums = cast<VectorType>(op->getOperand(0).getType()), factors = cast<VectorType>(op->getOperand(1).getType());
  if (op->getResult(0).getType() != sums || op->getOperand(2).getType() != factors)
    return op->emitOpError("expects one type for accumulator and result and one for both factors");
  if (!elementsFit)
    return op->emitOpError("expects ") << elements << ", found " << sums << " and " << factors;
  if (sums.getRank() != 1 || factors.getRank() != 1 || sums.isScalable() || factors.isScalable()) // C2
    return op->emitOpError("expects vectors of one fixed dimension, found ") << sums << " and " << factors;
  if (factors.getDimSize(0) != ratio * sums.getDimSize(0)) // C1
    return op->emitOpError("expects ") << ratio << " factors for each sum, found " << sums << " and " << factors;
  return success();
}

static Type elementOf(Value value) { return cast<VectorType>(value.getType()).getElementType(); }

LogicalResult DotU8S8Op::verify() {
  bool fit = elementOf(getAccumulator()).isSignlessInteger(32) && elementOf(getLhs()).isSignlessInteger(8);
  return verifyDot(*this, fit, "i32 sums of i8 products", 4);
}

LogicalResult DotS16Op::verify() {
  bool fit = elementOf(getAccumulator()).isSignlessInteger(32) && elementOf(getLhs()).isSignlessInteger(16);
  return verifyDot(*this, fit, "i32 sums of i16 products", 2);
}

LogicalResult DotBf16Op::verify() {
  bool fit = elementOf(getAccumulator()).isF32() && elementOf(getLhs()).isBF16();
  return verifyDot(*this, fit, "f32 sums of bf16 products", 2);
}

LogicalResult LookupOp::verify() {
  auto table = cast<VectorType>(getTable().getType()), numbers = cast<VectorType>(getNumbers().getType());
  if (getResult().getType() != numbers)
    return emitOpError("expects one type for numbers and result");
  bool fits = table.getElementType().isSignlessInteger(8) && table.getShape() == ArrayRef<int64_t>{16};
  if (!fits || table.isScalable()) // C1
    return emitOpError("expects a table of 16 bytes, found ") << table;
  fits = numbers.getElementType().isSignlessInteger(8) && numbers.getRank() == 1 && !numbers.isScalable();
  if (!fits || numbers.getDimSize(0) % 16 != 0) // C2
    return emitOpError("expects a multiple of 16 bytes as numbers, found ") << numbers;
  return success();
}
