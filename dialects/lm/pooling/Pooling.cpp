// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.pool: numbered constraints, builders that infer result types.
// Tested by test/dialects/lm/pooling and test/unit/dialects/BuildersTest.cpp.

#include "dialects/lm/pooling/Pooling.h"

#include "dialects/lm/Verify.h"

using namespace mlir;
using namespace lmopt::lm;

#define GET_OP_CLASSES
#include "dialects/lm/pooling/Pooling.cpp.inc"

//===- Constraints -----------------------------------------------------------------------------------------------===//

LogicalResult PoolOp::verify() {
  RankedTensorType input = getInput().getType();
  if (widthOf(getResult()) != widthOf(getInput()))
    return emitOpError("C1: the input has width ")
           << widthOf(getInput()) << ", but the result " << widthOf(getResult());
  if (!leadingSizesAgree(input, getLengths().getType(), 1) || !leadingSizesAgree(input, getType(), 1))
    return emitOpError("C2: the batch sizes of ")
           << input << ", " << getLengths().getType() << " and " << getType() << " disagree";
  return success();
}

//===- Builders --------------------------------------------------------------------------------------------------===//

void PoolOp::build(OpBuilder &builder, OperationState &state, Value input, Value lengths, PoolKind kind) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(input.getType()).getShape();
  build(builder, state, RankedTensorType::get({shape[0], shape[2]}, builder.getF32Type()), input, lengths, kind);
}
