// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The types of the dialect: registration, syntax and verifiers. Tested by test/dialects/lm/types-invalid.mlir.

#include "dialects/lm/LmDialect.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lmopt::lm;

#include "dialects/lm/interfaces/WeightType.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/lm/LmTypes.cpp.inc"

void LMDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/lm/LmTypes.cpp.inc"
      >();
}

//===- !lm.codes -------------------------------------------------------------------------------------------------===//

// `<` B `x` T `x` K `,` (`u8` | `s8`) (`,` `group` `=` G)? `>`
Type CodesType::parse(AsmParser &parser) {
  SmallVector<int64_t, 3> shape;
  StringRef kind;
  int64_t group = 0;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseDimensionList(shape, /*allowDynamic=*/true, /*withTrailingX=*/false) ||
      parser.parseComma() || parser.parseKeyword(&kind))
    return {};
  if (kind != "u8" && kind != "s8")
    return parser.emitError(loc, "expected u8 or s8 codes, but found ") << kind, Type();
  if (succeeded(parser.parseOptionalComma()) &&
      (parser.parseKeyword("group") || parser.parseEqual() || parser.parseInteger(group)))
    return {};
  if (parser.parseGreater())
    return {};
  return parser.getChecked<CodesType>(loc, parser.getContext(), shape, kind == "s8", group);
}

void CodesType::print(AsmPrinter &printer) const {
  printer << '<';
  printer.printDimensionList(getShape());
  printer << (getIsSigned() ? ", s8" : ", u8");
  if (getGroup())
    printer << ", group = " << getGroup();
  printer << '>';
}

LogicalResult CodesType::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> shape, bool isSigned,
                                int64_t group) {
  bool sizesFit = shape.size() == 3 && shape.back() > 0 && // a dynamic size is negative
                  llvm::all_of(shape, [](int64_t size) { return size >= 0 || ShapedType::isDynamic(size); });
  if (!sizesFit)
    return emitError() << "C1: expected batch x sequence x width with a static, positive width";
  if (!isSigned && group != 0)
    return emitError() << "C2: u8 codes have a scale for each row and no group, but found " << group;
  if (isSigned && (group <= 0 || shape.back() % group != 0))
    return emitError() << "C2: expected s8 codes with a positive group that divides the width " << shape.back()
                       << ", but found " << group;
  return success();
}

Type CodesType::getElementType() const {
  return IntegerType::get(getContext(), 8, getIsSigned() ? IntegerType::Signed : IntegerType::Unsigned);
}

/// The element type follows from the kind of codes and stays.
ShapedType CodesType::cloneWith(std::optional<ArrayRef<int64_t>> shape, Type) const {
  return get(getContext(), shape.value_or(getShape()), getIsSigned(), getGroup());
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

SmallVector<int64_t> Int8Type::getWeightShape() const { return {getRows(), getColumns()}; }
std::string Int8Type::getFormatName() const { return "int8"; }
int64_t Int8Type::getStoredBytes() const { return getRows() * (getColumns() + 4); }
bool Int8Type::holds(const WeightForm &form) const { return form.int8 && form.blockRows == 0; }

//===- !lm.sparse_int8 -------------------------------------------------------------------------------------------===//

// `<` OUT `x` IN `,` `block` `=` R `x` C `,` `stored` `=` S `>`
Type SparseInt8Type::parse(AsmParser &parser) {
  SmallVector<int64_t, 2> sizes, block;
  int64_t stored = 0;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseDimensionList(sizes, /*allowDynamic=*/false, /*withTrailingX=*/false))
    return {};
  if (sizes.size() != 2)
    return parser.emitError(loc, "expected two sizes, outputs x inputs, but found ") << sizes.size(), Type();
  if (parser.parseComma() || parser.parseKeyword("block") || parser.parseEqual() ||
      parser.parseDimensionList(block, /*allowDynamic=*/false, /*withTrailingX=*/false))
    return {};
  if (block.size() != 2)
    return parser.emitError(loc, "expected two sizes of a block, outputs x inputs, but found ") << block.size(), Type();
  if (parser.parseComma() || parser.parseKeyword("stored") || parser.parseEqual() || parser.parseInteger(stored) ||
      parser.parseGreater())
    return {};
  return parser.getChecked<SparseInt8Type>(loc, parser.getContext(), sizes[0], sizes[1], block[0], block[1], stored);
}

void SparseInt8Type::print(AsmPrinter &printer) const {
  printer << '<' << getRows() << 'x' << getColumns() << ", block = " << getBlockRows() << 'x' << getBlockColumns()
          << ", stored = " << getStored() << '>';
}

static int64_t blocksOf(int64_t rows, int64_t columns, int64_t blockRows, int64_t blockColumns) {
  return llvm::divideCeil(rows, blockRows) * llvm::divideCeil(columns, blockColumns);
}

LogicalResult SparseInt8Type::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns,
                                     int64_t blockRows, int64_t blockColumns, int64_t stored) {
  if (failed(verifySizes(emitError, rows, columns)))
    return failure();
  if (blockRows < 1 || blockRows > 65536 || blockColumns < 1 || blockColumns > 65536)
    return emitError() << "C2: expected blocks of 1 to 65536 outputs and inputs, but found " << blockRows << 'x'
                       << blockColumns;
  if (int64_t blocks = blocksOf(rows, columns, blockRows, blockColumns); stored < 0 || stored > blocks)
    return emitError() << "C3: expected at most the " << blocks << " blocks that there are, but found " << stored;
  return success();
}

int64_t SparseInt8Type::getBlocks() const {
  return blocksOf(getRows(), getColumns(), getBlockRows(), getBlockColumns());
}
SmallVector<int64_t> SparseInt8Type::getWeightShape() const { return {getRows(), getColumns()}; }
std::string SparseInt8Type::getFormatName() const {
  return llvm::formatv("int8 {0}x{1} sparse", getBlockRows(), getBlockColumns());
}
/// Places: a bit for each code where they are stored one by one, else two bytes for each block.
int64_t SparseInt8Type::getStoredBytes() const {
  int64_t size = getBlockRows() * getBlockColumns();
  int64_t places = size == 1 ? static_cast<int64_t>(llvm::divideCeil(getRows() * getColumns(), 8)) : 2 * getStored();
  return getStored() * size + places + 4 * getRows();
}
bool SparseInt8Type::holds(const WeightForm &form) const {
  return form.int8 && form.blockRows == getBlockRows() && form.blockColumns == getBlockColumns() &&
         form.stored.value_or(getStored()) == getStored();
}

//===- !lm.grouped -----------------------------------------------------------------------------------------------===//

// `<` OUT `x` IN `,` `bits` `=` B `,` `group` `=` G (`,` `min` (`,` `scales` `=` S)?)? `>`
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
  int64_t scaleBits = 16;
  bool hasMin = succeeded(parser.parseOptionalComma());
  if (hasMin && parser.parseKeyword("min"))
    return {};
  if (hasMin && succeeded(parser.parseOptionalComma()) &&
      (parser.parseKeyword("scales") || parser.parseEqual() || parser.parseInteger(scaleBits)))
    return {};
  if (parser.parseGreater())
    return {};
  return parser.getChecked<GroupedType>(loc, parser.getContext(), sizes[0], sizes[1], bits, group, hasMin, scaleBits);
}

void GroupedType::print(AsmPrinter &printer) const {
  printer << '<' << getRows() << 'x' << getColumns() << ", bits = " << getBits() << ", group = " << getGroup()
          << (getHasMin() ? ", min" : "");
  if (getScaleBits() != 16)
    printer << ", scales = " << getScaleBits();
  printer << '>';
}

LogicalResult GroupedType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns,
                                  int64_t bits, int64_t group, bool hasMin, int64_t scaleBits) {
  if (failed(verifySizes(emitError, rows, columns)))
    return failure();
  if (bits != 4 && bits != 5 && bits != 6 && bits != 8)
    return emitError() << "C2: expected 4, 5, 6 or 8 bits, but found " << bits;
  if (group <= 0 || columns % group != 0)
    return emitError() << "C3: expected a positive group that divides the " << columns << " columns, but found "
                       << group;
  if (hasMin && bits > 5)
    return emitError() << "C4: only codes of 4 and 5 bits have minima";
  if (scaleBits != 16 && !(scaleBits == 8 && hasMin && bits == 4))
    return emitError() << "C5: expected scales of 16 bits, or beside 4-bit codes with minima of 8, but found "
                       << scaleBits;
  return success();
}

double GroupedType::getBitsPerWeight() const {
  double scales = double(getScaleBits() * (getHasMin() ? 2 : 1)) / double(getGroup());
  return double(getBits()) + scales + (getScaleBits() == 8 ? 32.0 / double(getColumns()) : 0);
}
SmallVector<int64_t> GroupedType::getWeightShape() const { return {getRows(), getColumns()}; }
std::string GroupedType::getFormatName() const {
  return llvm::formatv("int{0} g{1}{2}{3}", getBits(), getGroup(), getHasMin() ? " min" : "",
                       getScaleBits() == 8 ? " scales8" : "");
}
int64_t GroupedType::getStoredBytes() const {
  return int64_t(double(getRows() * getColumns()) * getBitsPerWeight() / 8);
}
bool GroupedType::holds(const WeightForm &form) const {
  return form.groupedBits == getBits() && form.group == getGroup() && form.hasMin == getHasMin() &&
         form.scaleBits == getScaleBits();
}

//===- !lm.codebook ----------------------------------------------------------------------------------------------===//

// `<` OUT `x` IN `,` `entries` `=` E (`,` `group` `=` G)? `>`
Type CodebookType::parse(AsmParser &parser) {
  SmallVector<int64_t, 2> sizes;
  int64_t entries = 0, group = 0;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseDimensionList(sizes, /*allowDynamic=*/false, /*withTrailingX=*/false))
    return {};
  if (sizes.size() != 2)
    return parser.emitError(loc, "expected two sizes, outputs x inputs, but found ") << sizes.size(), Type();
  if (parser.parseComma() || parser.parseKeyword("entries") || parser.parseEqual() || parser.parseInteger(entries))
    return {};
  if (succeeded(parser.parseOptionalComma()) &&
      (parser.parseKeyword("group") || parser.parseEqual() || parser.parseInteger(group)))
    return {};
  if (parser.parseGreater())
    return {};
  return parser.getChecked<CodebookType>(loc, parser.getContext(), sizes[0], sizes[1], entries, group);
}

void CodebookType::print(AsmPrinter &printer) const {
  printer << '<' << getRows() << 'x' << getColumns() << ", entries = " << getEntries();
  if (isGrouped())
    printer << ", group = " << getGroup();
  printer << '>';
}

LogicalResult CodebookType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns,
                                   int64_t entries, int64_t group) {
  if (failed(verifySizes(emitError, rows, columns)))
    return failure();
  bool small = entries == 4 || entries == 8 || entries == 16;
  if (group == 0 ? entries != 256 : !small)
    return emitError() << "C2: expected 4, 8 or 16 entries with a group, or 256 without, but found " << entries
                       << (group == 0 ? " without" : " with");
  if (group < 0 || (group > 0 && columns % group != 0))
    return emitError() << "C3: expected a positive group that divides the " << columns << " columns, but found "
                       << group;
  return success();
}

int64_t CodebookType::getBits() const { return llvm::Log2_64(getEntries()); }
double CodebookType::getBitsPerWeight() const {
  return double(getBits()) + (isGrouped() ? 16.0 / double(getGroup()) : 32.0 / double(getColumns()));
}
SmallVector<int64_t> CodebookType::getWeightShape() const { return {getRows(), getColumns()}; }
std::string CodebookType::getFormatName() const {
  std::string name = "codebook" + std::to_string(getEntries());
  return isGrouped() ? name + " g" + std::to_string(getGroup()) : name;
}
int64_t CodebookType::getStoredBytes() const {
  return int64_t(double(getRows() * getColumns()) * getBitsPerWeight() / 8) + getEntries() * (isGrouped() ? 1 : 4);
}
bool CodebookType::holds(const WeightForm &form) const {
  return form.entries == getEntries() && form.group == getGroup();
}

int64_t lmopt::lm::integerGroup(Type weight) {
  if (auto grouped = dyn_cast<GroupedType>(weight))
    return grouped.getGroup();
  auto codebook = dyn_cast<CodebookType>(weight);
  return codebook ? codebook.getGroup() : 0;
}
