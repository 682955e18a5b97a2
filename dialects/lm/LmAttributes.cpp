// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Generated attribute classes; those of rotary positions are verified in Rope.cpp.
// Tested by test/dialects/lm/attributes*.mlir.

#include "dialects/lm/LmDialect.h"
#include "dialects/lm/weights/Evaluation.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lmopt::lm;

/// `min` of quantize_groups: there or not.
static ParseResult parseOptionalMin(AsmParser &parser, bool &hasMin) {
  hasMin = succeeded(parser.parseOptionalComma());
  return hasMin ? parser.parseKeyword("min") : success();
}

static void printOptionalMin(AsmPrinter &printer, bool hasMin) {
  if (hasMin)
    printer << ", min";
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
