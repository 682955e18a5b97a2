// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ops of the plan dialect. Registration, types and attributes are PlanDialect.cpp, what flows between steps
// Rows.cpp, the verifiers Verify.cpp.
#include "dialects/plan/Plan.h"

#include "dialects/lm/PartNames.h"
#include "dialects/lm/param/Param.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::plan;

#define GET_OP_CLASSES
#include "dialects/plan/Plan.cpp.inc"

//===--- plan.step ---===//

void StepOp::build(OpBuilder &builder, OperationState &state, TypeRange results, StepKind kind, Domain domain,
                   ValueRange inputs) {
  state.addTypes(results);
  state.addOperands(inputs);
  state.addAttribute(getKindAttrName(state.name), StepKindAttr::get(builder.getContext(), kind));
  state.addAttribute(getDomainAttrName(state.name), DomainAttr::get(builder.getContext(), domain));
  state.addAttribute(getWeightsAttrName(state.name), builder.getArrayAttr({}));
  state.addRegion();
}

void ChainOp::build(OpBuilder &builder, OperationState &state, TypeRange results, int64_t block) {
  state.addTypes(results);
  state.addAttribute(getBlockAttrName(state.name), builder.getI64IntegerAttr(block));
  state.addRegion();
}

StringRef StepOp::getPart() {
  Operation &first = getBody().front().front();
  return isa<YieldOp>(first) ? "result" : lm::getPartName(&first);
}

static SmallVector<Value> rowsAmong(ValueRange values) {
  return llvm::filter_to_vector(values, [](Value value) { return isRows(value); });
}
SmallVector<Value> StepOp::getRowInputs() { return rowsAmong(getInputs()); }
SmallVector<Value> StepOp::getRowResults() { return rowsAmong(getResults()); }

PlaceAttr StepOp::getPlace(OpResult result) { return cast<PlaceAttr>((*getPlaces())[result.getResultNumber()]); }

//===--- plan.program ---===//

void ProgramOp::build(OpBuilder &builder, OperationState &state, StringAttr name, int64_t maxPositions) {
  state.addAttribute(getSymNameAttrName(state.name), name);
  state.addAttribute(getMaxPositionsAttrName(state.name), builder.getI64IntegerAttr(maxPositions));
  state.addRegion();
}

bool ProgramOp::isDecoder() {
  return llvm::any_of(getBody().getArgumentTypes(), [](Type type) { return isa<lm::CacheType>(type); });
}

ReturnOp ProgramOp::getReturn() { return cast<ReturnOp>(getBody().front().back()); }

ParseResult ProgramOp::parse(OpAsmParser &parser, OperationState &state) {
  StringAttr name;
  SmallVector<OpAsmParser::Argument> arguments;
  if (parser.parseSymbolName(name, getSymNameAttrName(state.name), state.attributes) ||
      parser.parseArgumentList(arguments, AsmParser::Delimiter::Paren, /*allowType=*/true) ||
      parser.parseOptionalAttrDictWithKeyword(state.attributes))
    return failure();
  return parser.parseRegion(*state.addRegion(), arguments);
}

void ProgramOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  printer << '(';
  llvm::interleaveComma(getBody().getArguments(), printer,
                        [&](BlockArgument argument) { printer.printRegionArgument(argument); });
  printer << ')';
  SmallVector<StringRef> elided = {getSymNameAttrName()};
  if (getInputNames().empty())
    elided.push_back(getInputNamesAttrName());
  for (StringAttr number : {getRopeSwitchAttrName(), getPositionBytesAttrName(), getSequenceBytesAttrName(),
                            getRingPositionsAttrName(), getRingBytesAttrName(), getRingBackAttrName()})
    if (auto value = (*this)->getAttrOfType<IntegerAttr>(number); value && value.getValue().isZero())
      elided.push_back(number);
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(), elided);
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}
