// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.pool: numbered constraints, builders that infer result types.
// Tested by test/dialects/lm/pooling and test/unit/dialects/BuildersTest.cpp.

#include "dialects/lm/pooling/Pooling.h"

#include "dialects/lm/Verify.h"

using namespace mlir;
using namespace lmopt::lm;

//===- Text ------------------------------------------------------------------------------------------------------===//

/// mean, or cls + mean
static ParseResult parsePoolKinds(OpAsmParser &parser, ArrayAttr &kinds) {
  SmallVector<Attribute> list;
  do {
    FailureOr<PoolKind> kind = FieldParser<PoolKind>::parse(parser);
    if (failed(kind))
      return failure();
    list.push_back(PoolKindAttr::get(parser.getContext(), *kind));
  } while (succeeded(parser.parseOptionalPlus()));
  kinds = parser.getBuilder().getArrayAttr(list);
  return success();
}

static void printPoolKinds(OpAsmPrinter &printer, Operation *, ArrayAttr kinds) {
  llvm::interleave(
      kinds, [&](Attribute kind) { printer << stringifyPoolKind(cast<PoolKindAttr>(kind).getValue()); },
      [&] { printer << " + "; });
}

#define GET_OP_CLASSES
#include "dialects/lm/pooling/Pooling.cpp.inc"

//===- Constraints -----------------------------------------------------------------------------------------------===//

LogicalResult PoolOp::verify() {
  RankedTensorType input = getInput().getType();
  auto kinds = static_cast<int64_t>(getKinds().size());
  if (kinds < 1 || kinds > 16)
    return emitOpError("C3: expected 1 to 16 kinds, but found ") << kinds;
  if (widthOf(getResult()) != widthOf(getInput()) * kinds)
    return emitOpError("C1: the input has width ")
           << widthOf(getInput()) << ", of " << kinds << " kind(s), but the result " << widthOf(getResult());
  if (!leadingSizesAgree(input, getLengths().getType(), 1) || !leadingSizesAgree(input, getType(), 1))
    return emitOpError("C2: the batch sizes of ")
           << input << ", " << getLengths().getType() << " and " << getType() << " disagree";
  return success();
}

//===- Builders --------------------------------------------------------------------------------------------------===//

void PoolOp::build(OpBuilder &builder, OperationState &state, Value input, Value lengths, PoolKind kind) {
  build(builder, state, input, lengths, ArrayRef(kind));
}

void PoolOp::build(OpBuilder &builder, OperationState &state, Value input, Value lengths, ArrayRef<PoolKind> kinds) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(input.getType()).getShape();
  auto list = llvm::map_to_vector(
      kinds, [&](PoolKind kind) -> Attribute { return PoolKindAttr::get(builder.getContext(), kind); });
  int64_t width = shape[2] * static_cast<int64_t>(kinds.size());
  build(builder, state, RankedTensorType::get({shape[0], width}, builder.getF32Type()), input, lengths,
        builder.getArrayAttr(list));
}

std::vector<lmopt::Pooling> PoolOp::getPoolings() {
  std::vector<Pooling> poolings;
  for (Attribute kind : getKinds())
    poolings.push_back(poolingOf(cast<PoolKindAttr>(kind).getValue()));
  return poolings;
}
