// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.embedding and lm.add_positions: numbered constraints, builders that infer result types.
// Tested by test/dialects/lm/embedding and test/unit/dialects/BuildersTest.cpp.

#include "dialects/lm/embedding/Embedding.h"

#include "dialects/lm/Build.h"
#include "dialects/lm/Verify.h"

using namespace mlir;
using namespace lmopt::lm;

#define GET_OP_CLASSES
#include "dialects/lm/embedding/Embedding.cpp.inc"

//===- Constraints -----------------------------------------------------------------------------------------------===//

LogicalResult EmbeddingOp::verifySymbolUses(SymbolTableCollection &tables) {
  ParamOp table = lookupParam(tables, *this, getTableAttr());
  if (!table || table.getShape().size() != 2)
    return emitOpError("C1: ") << getTableAttr() << " must be a lm.param that is a matrix";
  if (table.getShape()[1] != widthOf(getResult()))
    return emitOpError("C2: ") << getTableAttr() << " has " << table.getShape()[1]
                               << " columns, but the result has width " << widthOf(getResult());
  return success();
}

LogicalResult EmbeddingOp::verify() {
  if (!leadingSizesAgree(getIds().getType(), getType()))
    return emitOpError("C3: ids ") << getIds().getType() << " and result " << getType() << " disagree";
  if (std::optional<uint64_t> block = getRotated())
    if (!isRotationBlock(*block) || widthOf(getResult()) % int64_t(*block) != 0)
      return emitOpError("C4: expected rotated to be a power of two from 2 to 65536 that divides the width ")
             << widthOf(getResult()) << ", but found " << int64_t(*block);
  return success();
}

LogicalResult AddPositionsOp::verifySymbolUses(SymbolTableCollection &tables) {
  FailureOr<ParamOp> table = expectF32Param(*this, tables, getTableAttr(), 2, "C1");
  if (failed(table))
    return failure();
  SmallVector<int64_t> shape = (*table).getShape();
  if (shape[1] != widthOf(getInput()))
    return emitOpError("C2: ") << getTableAttr() << " has " << shape[1] << " columns, but the input has width "
                               << widthOf(getInput());
  if (getType().getDimSize(1) > shape[0])
    return emitOpError("C3: a sequence of ")
           << getType().getDimSize(1) << " is longer than the " << shape[0] << " positions of " << getTableAttr();
  return success();
}

//===- Builders --------------------------------------------------------------------------------------------------===//

void EmbeddingOp::build(OpBuilder &builder, OperationState &state, Value ids, ParamOp table) {
  SmallVector<int64_t> shape = llvm::to_vector(cast<RankedTensorType>(ids.getType()).getShape());
  shape.push_back(table.getShape().back());
  build(builder, state, RankedTensorType::get(shape, builder.getF32Type()), ids, refTo(table), IntegerAttr());
}

void AddPositionsOp::build(OpBuilder &builder, OperationState &state, Value input, ParamOp table) {
  build(builder, state, input.getType(), input, refTo(table));
}
