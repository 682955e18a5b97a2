// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Norms: numbered constraints, builders that infer result types.
// Tested by test/dialects/lm/norm and test/unit/dialects/BuildersTest.cpp.

#include "dialects/lm/norm/Norm.h"

#include "dialects/lm/Verify.h"

using namespace mlir;
using namespace lmopt::lm;

// (`,` weight (`,` bias)?)?
static ParseResult parseAffine(OpAsmParser &parser, FlatSymbolRefAttr &weight, FlatSymbolRefAttr &bias) {
  if (failed(parser.parseOptionalComma()))
    return success();
  if (parser.parseAttribute(weight))
    return failure();
  return succeeded(parser.parseOptionalComma()) ? parser.parseAttribute(bias) : success();
}

static void printAffine(OpAsmPrinter &printer, Operation *, FlatSymbolRefAttr weight, FlatSymbolRefAttr bias) {
  if (weight)
    printer << ", " << weight;
  if (bias)
    printer << ", " << bias;
}

#define GET_OP_CLASSES
#include "dialects/lm/norm/Norm.cpp.inc"

//===- Constraints -----------------------------------------------------------------------------------------------===//

static LogicalResult verifyEps(Operation *op, APFloat eps, StringRef constraint) {
  if (!eps.isFinite() || eps.isNegative())
    return op->emitOpError() << constraint << ": expected a finite eps >= 0, but found " << eps.convertToDouble();
  return success();
}

LogicalResult RmsNormOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyVector(*this, tables, getWeightAttr(), getHeadWidth(), "C1");
}

LogicalResult RmsNormOp::verify() {
  int64_t heads = getHeads(), width = widthOf(getInput());
  if (heads < 1 || width % heads != 0)
    return emitOpError("C3: expected heads >= 1 that divide the width ") << width << ", but found " << heads;
  return verifyEps(*this, getEps(), "C2");
}

LogicalResult LayerNormOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (failed(verifyVector(*this, tables, getWeightAttr(), widthOf(getInput()), "C1")))
    return failure();
  return verifyVector(*this, tables, getBiasAttr(), widthOf(getInput()), "C2");
}

LogicalResult LayerNormOp::verify() {
  if (getBiasAttr() && !getWeightAttr())
    return emitOpError("C2: a bias needs a weight");
  return verifyEps(*this, getEps(), "C3");
}

//===- Builders --------------------------------------------------------------------------------------------------===//

void RmsNormOp::build(OpBuilder &builder, OperationState &state, Value input, FlatSymbolRefAttr weight, double eps,
                      int64_t heads) {
  build(builder, state, input.getType(), input, weight, builder.getF64FloatAttr(eps),
        heads == 1 ? IntegerAttr() : builder.getI64IntegerAttr(heads));
}

void LayerNormOp::build(OpBuilder &builder, OperationState &state, Value input, FlatSymbolRefAttr weight,
                        FlatSymbolRefAttr bias, double eps) {
  build(builder, state, input.getType(), input, weight, bias, builder.getF64FloatAttr(eps));
}
