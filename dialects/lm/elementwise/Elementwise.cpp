// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.add, lm.bias_add, lm.activation, lm.gated_product, lm.soft_cap: numbered constraints, builders that infer result
// types, folds. Tested by test/dialects/lm/elementwise and test/unit/dialects/BuildersTest.cpp.

#include "dialects/lm/elementwise/Elementwise.h"

#include "dialects/lm/Build.h"
#include "dialects/lm/PartNames.h"
#include "dialects/lm/Verify.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace lmopt::lm;

#define GET_OP_CLASSES
#include "dialects/lm/elementwise/Elementwise.cpp.inc"

//===- Constraints -----------------------------------------------------------------------------------------------===//

LogicalResult BiasAddOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyVector(*this, tables, getVectorAttr(), widthOf(getInput()), "C1");
}

LogicalResult GatedProductOp::verify() {
  if (getKind() == ActivationKind::tanh)
    return emitOpError("C1: expected gelu, gelu_tanh, silu or relu, but found tanh");
  return success();
}

LogicalResult SoftCapOp::verify() { return verifyCap(*this, getCap(), "C1"); }

//===- Builders --------------------------------------------------------------------------------------------------===//

void BiasAddOp::build(OpBuilder &builder, OperationState &state, Value input, ParamOp vector) {
  build(builder, state, input.getType(), input, refTo(vector));
}

//===- Folds -----------------------------------------------------------------------------------------------------===//

// relu(relu(x)) = relu(x).
OpFoldResult ActivationOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<ActivationOp>();
  bool isIdempotent = getKind() == ActivationKind::relu;
  return isIdempotent && inner && inner.getKind() == getKind() ? inner.getResult() : Value();
}

// bias_add(linear(x, W), v) = linear(x, W) bias v, whatever the format of x and W.
LogicalResult BiasAddOp::canonicalize(BiasAddOp op, PatternRewriter &rewriter) {
  auto linear = op.getInput().getDefiningOp<LinearLikeOpInterface>();
  if (!linear || linear.getBiasAttr() || !linear->hasOneUse())
    return rewriter.notifyMatchFailure(op, "the input is not a linear without bias used only here");
  rewriter.modifyOpInPlace(linear, [&] {
    linear.setBiasAttr(op.getVectorAttr());
    if (getPartName(linear).empty())
      setPartName(linear, getPartName(op));
  });
  rewriter.replaceOp(op, linear);
  return success();
}
