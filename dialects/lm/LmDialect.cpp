// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect object: registration of types, attributes and ops, the types' syntax and verifiers, and the checks of the
// discardable attributes (lm.part; of a module lm.config, lm.tokenizer, lm.chat_template, lm.source).
// Tested by test/dialects/lm/types-invalid.mlir and attributes-invalid.mlir.

#include "dialects/lm/Lm.h"
#include "dialects/lm/PartNames.h"
#include "dialects/lm/interfaces/Meaning.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lmopt::lm;

#include "dialects/lm/LmDialect.cpp.inc"
#include "dialects/lm/interfaces/Linear.cpp.inc"
#include "dialects/lm/interfaces/Meaning.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/lm/LmTypes.cpp.inc"

// Meanings come from the interpreter (registerMeanings), whose libraries a dialect must not need.
template <typename... Ops>
void LMDialect::registerFamily(StringRef) {
  addOperations<Ops...>();
  (void(Ops::template hasTrait<NoComputation>() || (declarePromisedInterface<MeaningOpInterface, Ops>(), true)), ...);
}

void LMDialect::initialize() {
  registerTypes();
  registerAttributes();
#include "dialects/lm/LmFamilies.cpp.inc"
}

void LMDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/lm/LmTypes.cpp.inc"
      >();
}

void lmopt::lm::registerDialects(DialectRegistry &registry) {
  registry.insert<LMDialect, func::FuncDialect, arith::ArithDialect>();
}

//===- !lm.int8 --------------------------------------------------------------------------------------------------===//

// `<` OUT `x` IN `>`
Type Int8Type::parse(AsmParser &parser) {
  SmallVector<int64_t, 2> sizes;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseDimensionList(sizes, /*allowDynamic=*/false, /*withTrailingX=*/false))
    return {};
  if (sizes.size() != 2)
    return parser.emitError(loc, "expected two sizes, outputs x inputs, but found ") << sizes.size(), Type();
  if (parser.parseGreater())
    return {};
  return parser.getChecked<Int8Type>(loc, parser.getContext(), sizes[0], sizes[1]);
}

void Int8Type::print(AsmPrinter &printer) const { printer << '<' << getRows() << 'x' << getColumns() << '>'; }

static LogicalResult verifySizes(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns) {
  constexpr int64_t limit = int64_t(1) << 40;
  if (rows <= 0 || columns <= 0 || rows > limit / columns)
    return emitError() << "C1: expected positive sizes with a product of at most 2^40, but found " << rows << 'x'
                       << columns;
  return success();
}

LogicalResult Int8Type::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns) {
  return verifySizes(emitError, rows, columns);
}

//===- !lm.grouped -----------------------------------------------------------------------------------------------===//

// `<` OUT `x` IN `,` `bits` `=` B `,` `group` `=` G (`,` `min`)? `>`
Type GroupedType::parse(AsmParser &parser) {
  SmallVector<int64_t, 2> sizes;
  int64_t bits = 0, group = 0;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseDimensionList(sizes, /*allowDynamic=*/false, /*withTrailingX=*/false))
    return {};
  if (sizes.size() != 2)
    return parser.emitError(loc, "expected two sizes, outputs x inputs, but found ") << sizes.size(), Type();
  if (parser.parseComma() || parser.parseKeyword("bits") || parser.parseEqual() || parser.parseInteger(bits) ||
      parser.parseComma() || parser.parseKeyword("group") || parser.parseEqual() || parser.parseInteger(group))
    return {};
  bool hasMin = succeeded(parser.parseOptionalComma());
  if ((hasMin && parser.parseKeyword("min")) || parser.parseGreater())
    return {};
  return parser.getChecked<GroupedType>(loc, parser.getContext(), sizes[0], sizes[1], bits, group, hasMin);
}

void GroupedType::print(AsmPrinter &printer) const {
  printer << '<' << getRows() << 'x' << getColumns() << ", bits = " << getBits() << ", group = " << getGroup()
          << (getHasMin() ? ", min>" : ">");
}

LogicalResult GroupedType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns,
                                  int64_t bits, int64_t group, bool hasMin) {
  if (failed(verifySizes(emitError, rows, columns)))
    return failure();
  if (bits != 4 && bits != 8)
    return emitError() << "C2: expected 4 or 8 bits, but found " << bits;
  if (group <= 0 || columns % group != 0)
    return emitError() << "C3: expected a positive group that divides the " << columns << " columns, but found "
                       << group;
  if (hasMin && bits != 4)
    return emitError() << "C4: only 4-bit codes have minima";
  return success();
}

//===- Attributes of the module ----------------------------------------------------------------------------------===//

static LogicalResult verifyConfig(Operation *op, Attribute value) {
  auto config = dyn_cast<DictionaryAttr>(value);
  if (!config)
    return op->emitError("'lm.config' must be a dictionary, but is ") << value;
  for (NamedAttribute entry : config) {
    bool isText = entry.getName() == "architecture" || entry.getName() == "name";
    if (isText && !isa<StringAttr>(entry.getValue()))
      return op->emitError("'lm.config' entry '")
             << entry.getName().getValue() << "' must be a string, but is " << entry.getValue();
  }
  return success();
}

static LogicalResult verifySource(Operation *op, Attribute value) {
  auto list = dyn_cast<ArrayAttr>(value);
  if (list && llvm::all_of(list, [](Attribute element) { return isa<DictionaryAttr>(element); }))
    return success();
  return op->emitError("'lm.source' must be an array of dictionaries, one for each source file, but is ") << value;
}

static LogicalResult verifyPart(Operation *op, Attribute value) {
  auto name = dyn_cast<StringAttr>(value);
  if (name && !name.getValue().empty())
    return success();
  return op->emitError("'lm.part' must be the name of a part of the model, a string that is not empty, but is ")
         << value;
}

LogicalResult LMDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  StringRef name = attribute.getName();
  if (name == kPartAttribute)
    return verifyPart(op, attribute.getValue());
  bool known = name == "lm.config" || name == "lm.source" || name == "lm.tokenizer" || name == "lm.chat_template";
  if (!known)
    return success(); // marks of passes; they document and check their own
  if (!isa<ModuleOp>(op))
    return op->emitError("'") << name << "' belongs on the module, but stands on '" << op->getName() << "'";
  if (name == "lm.config")
    return verifyConfig(op, attribute.getValue());
  if (name == "lm.source")
    return verifySource(op, attribute.getValue());
  if (!isa<StringAttr>(attribute.getValue()))
    return op->emitError("'") << name << "' must be a string, but is " << attribute.getValue();
  return success();
}
