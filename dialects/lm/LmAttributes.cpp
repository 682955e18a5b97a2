// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Generated attribute classes; those of rotary positions are verified in Rope.cpp.
// Tested by test/dialects/lm/attributes*.mlir.

#include "dialects/lm/LmDialect.h"
#include "dialects/lm/weights/Evaluation.h"

#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lmopt::lm;

/// `fit = <...>`, which comes last; `before`: what else could have stood there.
static ParseResult parseFit(AsmParser &parser, FitAttr &fit, StringRef before) {
  if (failed(parser.parseOptionalKeyword("fit")))
    return parser.emitError(parser.getCurrentLocation(), "expected ") << before << " or 'fit', in this order";
  if (parser.parseEqual())
    return failure();
  FailureOr<FitAttr> parsed = FieldParser<FitAttr>::parse(parser);
  if (failed(parsed))
    return failure();
  fit = *parsed;
  return success();
}

static void printFit(AsmPrinter &printer, FitAttr fit) {
  if (!fit)
    return;
  printer << ", fit = ";
  printer.printStrippedAttrOrType(fit);
}

/// `, min`, `, scales = 8` and `, fit = <...>` of quantize_groups, in this order: each there or not.
static ParseResult parseMinScalesFit(AsmParser &parser, bool &hasMin, int64_t &scaleBits, FitAttr &fit) {
  hasMin = false, scaleBits = 16;
  bool more = succeeded(parser.parseOptionalComma());
  if (more && succeeded(parser.parseOptionalKeyword("min"))) {
    hasMin = true;
    more = succeeded(parser.parseOptionalComma());
  }
  if (more && succeeded(parser.parseOptionalKeyword("scales"))) {
    if (parser.parseEqual() || parser.parseInteger(scaleBits))
      return failure();
    more = succeeded(parser.parseOptionalComma());
  }
  return more ? parseFit(parser, fit, "'min', 'scales'") : success();
}

static void printMinScalesFit(AsmPrinter &printer, bool hasMin, int64_t scaleBits, FitAttr fit) {
  if (hasMin)
    printer << ", min";
  if (scaleBits != 16)
    printer << ", scales = " << scaleBits;
  printFit(printer, fit);
}

/// R `x` C
static ParseResult parseBlock(AsmParser &parser, int64_t &rows, int64_t &columns) {
  SmallVector<int64_t, 2> sizes;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseDimensionList(sizes, /*allowDynamic=*/false, /*withTrailingX=*/false))
    return failure();
  if (sizes.size() != 2)
    return parser.emitError(loc, "expected two sizes of a block, outputs x inputs, but found ") << sizes.size();
  rows = sizes[0], columns = sizes[1];
  return success();
}

static void printBlock(AsmPrinter &printer, int64_t rows, int64_t columns) { printer << rows << 'x' << columns; }

/// `, block = RxC`, `, group = G` and `, fit = <...>` of sparsify, in this order: each there or not.
static ParseResult parseBlockGroupFit(AsmParser &parser, int64_t &rows, int64_t &columns, int64_t &group,
                                      FitAttr &fit) {
  rows = columns = 1, group = 0;
  bool more = succeeded(parser.parseOptionalComma());
  if (more && succeeded(parser.parseOptionalKeyword("block"))) {
    if (parser.parseEqual() || parseBlock(parser, rows, columns))
      return failure();
    more = succeeded(parser.parseOptionalComma());
  }
  if (more && succeeded(parser.parseOptionalKeyword("group"))) {
    if (parser.parseEqual() || parser.parseInteger(group))
      return failure();
    more = succeeded(parser.parseOptionalComma());
  }
  return more ? parseFit(parser, fit, "'block', 'group'") : success();
}

static void printBlockGroupFit(AsmPrinter &printer, int64_t rows, int64_t columns, int64_t group, FitAttr fit) {
  if (rows != 1 || columns != 1)
    printer << ", block = " << rows << 'x' << columns;
  if (group != 0)
    printer << ", group = " << group;
  printFit(printer, fit);
}

#define GET_ATTRDEF_CLASSES
#include "dialects/lm/LmAttributes.cpp.inc"

void LMDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/lm/LmAttributes.cpp.inc"
      >();
}

static LogicalResult verifyWindow(function_ref<InFlightDiagnostic()> emitError, int64_t window) {
  if (window < 0) // 0: none
    return emitError() << "C1: expected a window of at least 1 position, but found " << window;
  return success();
}

LogicalResult CausalAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t window) {
  return verifyWindow(emitError, window);
}

LogicalResult FullAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t window) {
  return verifyWindow(emitError, window);
}

LogicalResult AlibiAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<Real> slopes) {
  if (slopes.empty())
    return emitError() << "C1: expected a slope for each head, but found none";
  return success();
}

LogicalResult ProjectionAttr::verify(function_ref<InFlightDiagnostic()> emitError, ProjectionKind, int64_t rank) {
  if (rank < 1 || rank > 65536)
    return emitError() << "C1: expected a rank from 1 to 65536, but found " << rank;
  return success();
}

LogicalResult ExactnessAttr::verify(function_ref<InFlightDiagnostic()> emitError, ExactnessKind kind,
                                    std::optional<Real> error) {
  if (error && (kind == ExactnessKind::exact || !(*error >= 0)))
    return emitError() << "C1: expected an error >= 0 with approximate or trained only, but found " << double(*error)
                       << " with " << stringifyEnum(kind);
  return success();
}

bool lmopt::lm::makesCodes(float range, int64_t steps) {
  float step = range / float(steps), factor = float(steps) / range;
  return range > 0 && std::isnormal(step) && std::isnormal(factor);
}

LogicalResult CodeRangeAttr::verify(function_ref<InFlightDiagnostic()> emitError, Real range, int64_t steps,
                                    int64_t zero, int64_t least, int64_t greatest) {
  if (steps < 1 || steps > 255)
    return emitError() << "C2: expected steps from 1 to 255, but found " << steps;
  auto number = float(double(range));
  if (double(number) != double(range) || !makesCodes(number, steps))
    return emitError() << "C1: expected a positive f32 range whose step and factor are normal numbers, but found "
                       << double(range);
  if (least < 0 || least > zero || zero > greatest || greatest > 255 || least == greatest)
    return emitError() << "C3: expected 0 <= least <= zero <= greatest <= 255 and more than one code, but found "
                       << least << ", " << zero << " and " << greatest;
  return success();
}

bool lmopt::lm::isPermutation(ArrayRef<int64_t> numbers) {
  std::vector<bool> seen(numbers.size());
  for (int64_t number : numbers) {
    if (number < 0 || number >= static_cast<int64_t>(numbers.size()) || seen[number])
      return false;
    seen[number] = true;
  }
  return true;
}

LogicalResult ClassesAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> words,
                                  ArrayRef<int64_t> sizes) {
  int64_t left = static_cast<int64_t>(words.size());
  for (int64_t size : sizes) {
    if (size < 1 || size > left)
      return emitError() << "C1: expected classes of at least one word that are " << words.size()
                         << " words together, but found a class of " << size;
    left -= size;
  }
  if (left > 0 || words.empty())
    return emitError() << "C1: expected classes of " << words.size() << " words, at least one, but " << left
                       << " are in none";
  if (!isPermutation(words))
    return emitError() << "C2: expected each word from 0 to " << words.size() - 1 << " once";
  const int64_t *shared = llvm::find_if(sizes, [](int64_t size) { return size > 1; });
  if (shared == sizes.end() || llvm::is_contained(ArrayRef<int64_t>(shared, sizes.end()), 1))
    return emitError() << "C3: expected classes of one word first, then at least one of more";
  return success();
}

int64_t ClassesAttr::getSingles() const { return llvm::count(getSizes(), 1); }

LogicalResult WordTreeAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> left,
                                   ArrayRef<int64_t> right) {
  auto nodes = static_cast<int64_t>(left.size()), words = nodes + 1;
  if (left.empty() || left.size() != right.size())
    return emitError() << "C1: expected as many left sides as right ones, at least one, but found " << left.size()
                       << " and " << right.size();
  llvm::BitVector seen(static_cast<unsigned>(words + nodes));
  for (int64_t node = 0; node < nodes; ++node)
    for (int64_t side : {left[node], right[node]}) {
      if (side < 0 || side == words || side >= words + nodes || seen.test(static_cast<unsigned>(side)))
        return emitError() << "C2: expected each of " << words << " words and each node but the first once, but found "
                           << side;
      if (side > words && side - words <= node)
        return emitError() << "C3: node " << side - words << " is a side of node " << node << ", which comes behind it";
      seen.set(static_cast<unsigned>(side));
    }
  return success();
}
