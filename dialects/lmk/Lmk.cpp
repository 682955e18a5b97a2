// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernel dialect `lmk`: registration, the short type syntax of lmk.dot_u8s8 and its verifier.
// Tested by test/dialects/lmk.
#include "dialects/lmk/Lmk.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace lmopt::lmk;

// `acc type, byte type`: the result has the type of the accumulator, both byte vectors are of one type.
static ParseResult parseDotTypes(OpAsmParser &parser, Type &accumulator, Type &unsignedBytes, Type &signedBytes,
                                 Type &result) {
  if (parser.parseType(accumulator) || parser.parseComma() || parser.parseType(unsignedBytes))
    return failure();
  signedBytes = unsignedBytes;
  result = accumulator;
  return success();
}

static void printDotTypes(OpAsmPrinter &printer, Operation *, Type accumulator, Type unsignedBytes, Type, Type) {
  printer << accumulator << ", " << unsignedBytes;
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

LogicalResult DotU8S8Op::verify() {
  auto accumulator = cast<VectorType>(getAccumulator().getType());
  auto bytes = cast<VectorType>(getUnsignedBytes().getType());
  if (getResult().getType() != accumulator || getSignedBytes().getType() != bytes)
    return emitOpError("expects one type for accumulator and result and one for both byte vectors");
  if (!accumulator.getElementType().isSignlessInteger(32) || !bytes.getElementType().isSignlessInteger(8))
    return emitOpError("expects i32 sums of i8 products, found ") << accumulator << " and " << bytes;
  if (accumulator.getRank() != 1 || bytes.getRank() != 1 || accumulator.isScalable() || bytes.isScalable()) // C2
    return emitOpError("expects vectors of one fixed dimension, found ") << accumulator << " and " << bytes;
  if (bytes.getDimSize(0) != 4 * accumulator.getDimSize(0)) // C1
    return emitOpError("expects four bytes for each sum, found ") << accumulator << " and " << bytes;
  return success();
}
