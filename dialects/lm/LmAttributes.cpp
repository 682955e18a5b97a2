// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Generated attribute classes; those of rotary positions are verified in Rope.cpp.
// Tested by test/dialects/lm/attributes*.mlir.

#include "dialects/lm/LmDialect.h"
#include "dialects/lm/weights/Evaluation.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lmopt::lm;

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
  if (!more)
    return success();
  if (failed(parser.parseOptionalKeyword("fit")))
    return parser.emitError(parser.getCurrentLocation(), "expected 'min', 'scales' or 'fit', in this order");
  if (parser.parseEqual())
    return failure();
  FailureOr<FitAttr> parsed = FieldParser<FitAttr>::parse(parser);
  if (failed(parsed))
    return failure();
  fit = *parsed;
  return success();
}

static void printMinScalesFit(AsmPrinter &printer, bool hasMin, int64_t scaleBits, FitAttr fit) {
  if (hasMin)
    printer << ", min";
  if (scaleBits != 16)
    printer << ", scales = " << scaleBits;
  if (!fit)
    return;
  printer << ", fit = ";
  printer.printStrippedAttrOrType(fit);
}

#define GET_ATTRDEF_CLASSES
#include "dialects/lm/LmAttributes.cpp.inc"

void LMDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/lm/LmAttributes.cpp.inc"
      >();
}

LogicalResult ExactnessAttr::verify(function_ref<InFlightDiagnostic()> emitError, ExactnessKind kind,
                                    std::optional<Real> error) {
  if (error && (kind == ExactnessKind::exact || !(*error >= 0)))
    return emitError() << "C1: expected an error >= 0 with approximate or trained only, but found " << double(*error)
                       << " with " << stringifyEnum(kind);
  return success();
}
