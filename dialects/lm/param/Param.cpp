// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.param: syntax, numbered constraints, builder, folds; and the param that a symbol names. Folds are exact (in real
// arithmetic) and make the module smaller; everything else is a named pass.
// Tested by test/dialects/lm/param and test/dialects/lm/roundtrip.mlir.

#include "dialects/lm/param/Param.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace lmopt::lm;

// The value of a param. A dense value does not repeat the type of the param: `tensor<2xf32> = dense<[1.0, 2.0]>`.
static ParseResult parseWeightValue(OpAsmParser &parser, Attribute &value, TypeAttr type) {
  return parser.parseAttribute(value, isa<RankedTensorType>(type.getValue()) ? type.getValue() : Type());
}

static void printWeightValue(OpAsmPrinter &printer, Operation *, Attribute value, TypeAttr type) {
  auto typed = dyn_cast<TypedAttr>(value);
  if (typed && typed.getType() == type.getValue())
    printer.printAttributeWithoutType(value);
  else
    printer.printAttribute(value);
}

#define GET_OP_CLASSES
#include "dialects/lm/param/Param.cpp.inc"

ParamOp lmopt::lm::lookupParam(Operation *user, FlatSymbolRefAttr symbol) {
  return symbol ? SymbolTable::lookupNearestSymbolFrom<ParamOp>(user, symbol) : ParamOp();
}

ParamOp lmopt::lm::lookupParam(SymbolTableCollection &tables, Operation *user, FlatSymbolRefAttr symbol) {
  return symbol ? tables.lookupNearestSymbolFrom<ParamOp>(user, symbol) : ParamOp();
}

SmallVector<int64_t> ParamOp::getShape() {
  if (auto type = dyn_cast<WeightTypeInterface>(getType()))
    return type.getWeightShape();
  return llvm::to_vector(cast<RankedTensorType>(getType()).getShape());
}

std::string ParamOp::getFormatName() {
  if (auto type = dyn_cast<WeightTypeInterface>(getType()))
    return type.getFormatName();
  std::string name;
  llvm::raw_string_ostream(name) << cast<RankedTensorType>(getType()).getElementType();
  return name;
}

int64_t ParamOp::getStoredBytes() {
  if (auto type = dyn_cast<WeightTypeInterface>(getType()))
    return type.getStoredBytes();
  return getNumElements() * cast<RankedTensorType>(getType()).getElementTypeBitWidth() / 8;
}

int64_t ParamOp::getNumElements() {
  int64_t count = 1;
  for (int64_t size : getShape())
    count *= size;
  return count;
}

//===- Constraints ------------------------------------------------------------------------------------------------===//

static LogicalResult verifyParamType(ParamOp op) {
  if (isa<WeightTypeInterface>(op.getType()))
    return success();
  auto tensor = dyn_cast<RankedTensorType>(op.getType());
  bool good = tensor && !tensor.getEncoding() && tensor.getRank() >= 1 && tensor.getRank() <= 4;
  good = good && (tensor.getElementType().isF32() || (tensor.getElementType().isBF16() && tensor.getRank() == 2));
  int64_t room = int64_t(1) << 40;
  for (int64_t i = 0; good && i < tensor.getRank(); ++i) {
    int64_t size = tensor.getDimSize(i);
    good = size > 0 && size <= room; // kDynamic is negative
    room = good ? room / size : 0;
  }
  if (!good)
    return op.emitOpError("C1: expected a tensor of f32 of rank 1 to 4 with static, positive sizes and at most 2^40 "
                          "elements, a matrix of bf16, an !lm.int8, !lm.sparse_int8, !lm.grouped or !lm.codebook, but "
                          "the type is ")
           << op.getType();
  return success();
}

static LogicalResult verifyParamForm(ParamOp op, const WeightForm &form) {
  if (typeHolds(op.getType(), form))
    return success();
  InFlightDiagnostic diagnostic = op.emitOpError("C3: type ") << op.getType() << " does not hold ";
  if (form.entries != 0)
    return diagnostic << "a weight with a codebook of " << form.entries << " entries"
                      << (form.group ? ", group = " + std::to_string(form.group) : "");
  if (form.groupedBits != 0)
    return diagnostic << "a grouped weight with bits = " << form.groupedBits << ", group = " << form.group
                      << (form.hasMin ? ", min" : "") << (form.scaleBits == 8 ? ", scales = 8" : "");
  if (form.blockRows != 0)
    return diagnostic << "a sparse int8 weight in blocks of " << form.blockRows << 'x' << form.blockColumns;
  return diagnostic << (form.int8 ? "an int8 weight" : form.bf16 ? "a bf16 weight" : "an f32 weight");
}

LogicalResult ParamOp::verify() {
  if (failed(verifyParamType(*this)))
    return failure();
  std::optional<WeightForm> form = getWeightForm(getValue());
  if (!form)
    return emitOpError("C2: expected a weight attribute or dense f32 numbers, but the value is ") << getValue();
  if (failed(verifyParamForm(*this, *form)))
    return failure();
  if (form->shape && *form->shape != getShape())
    return emitOpError("C4: type ") << getType() << " does not have the shape [" << *form->shape << "] of the value";
  if (auto dense = dyn_cast<DenseElementsAttr>(getValue()); dense && dense.getType() != getType())
    return emitOpError("C5: the type of the dense value, ") << dense.getType() << ", is not that of the param";
  return success();
}

//===- Builders ---------------------------------------------------------------------------------------------------===//

void ParamOp::build(OpBuilder &builder, OperationState &state, StringRef name, Type type, Attribute value,
                    ExactnessAttr exactness) {
  Properties &properties = state.getOrAddProperties<Properties>();
  properties.sym_name = builder.getStringAttr(name);
  properties.type = TypeAttr::get(type);
  properties.value = value;
  properties.exactness = exactness;
}

//===- Folds ------------------------------------------------------------------------------------------------------===//

/// The same weight, smaller: H H = I, 1 * W = W. Null when there is nothing to simplify at the top.
static Attribute simplifyWeight(Attribute value) {
  if (auto scale = dyn_cast<ScaleAttr>(value); scale && scale.getFactor() == 1.0)
    return scale.getSource();
  if (auto outer = dyn_cast<RotateColumnsAttr>(value))
    if (auto inner = dyn_cast<RotateColumnsAttr>(outer.getSource()); inner && inner.getBlock() == outer.getBlock())
      return inner.getSource();
  return {};
}

LogicalResult ParamOp::canonicalize(ParamOp op, PatternRewriter &rewriter) {
  Attribute simpler = simplifyWeight(op.getValue());
  if (!simpler)
    return failure();
  rewriter.modifyOpInPlace(op, [&] { op.setValueAttr(simpler); });
  return success();
}
