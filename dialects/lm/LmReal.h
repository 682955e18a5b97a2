// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Real: a double as a parameter of attributes. Compared and hashed by its bits (so that attributes are unique), printed
// so that it reads back exactly, parsed without a type, always finite.
// Tested by test/dialects/lm/attributes.mlir.

#ifndef LMOPT_DIALECTS_LM_LMREAL_H
#define LMOPT_DIALECTS_LM_LMREAL_H

#include "mlir/IR/DialectImplementation.h"

#include <cmath>
#include <cstring>

namespace lmopt::lm {

struct Real {
  double value = 0;

  explicit Real(double value = 0) : value(value) {}
  operator double() const { return value; }

  uint64_t bits() const {
    uint64_t result;
    std::memcpy(&result, &value, sizeof(result));
    return result;
  }
  friend bool operator==(Real a, Real b) { return a.bits() == b.bits(); }
  friend llvm::hash_code hash_value(Real real) { return llvm::hash_value(real.bits()); }
};

inline mlir::AsmPrinter &operator<<(mlir::AsmPrinter &printer, Real real) {
  printer.printFloat(llvm::APFloat(real.value));
  return printer;
}

/// A list of reals in brackets: [1.0, 2.5].
mlir::FailureOr<llvm::SmallVector<Real>> parseReals(mlir::AsmParser &parser);
void printReals(mlir::AsmPrinter &printer, llvm::ArrayRef<Real> reals);

} // namespace lmopt::lm

namespace mlir {
template <>
struct FieldParser<lmopt::lm::Real> {
  static FailureOr<lmopt::lm::Real> parse(AsmParser &parser) {
    SMLoc loc = parser.getCurrentLocation();
    double value;
    if (parser.parseFloat(value))
      return failure();
    if (!std::isfinite(value))
      return parser.emitError(loc, "expected a finite number"), failure();
    return lmopt::lm::Real(value);
  }
};
template <>
struct FieldParser<std::optional<lmopt::lm::Real>> {
  static FailureOr<std::optional<lmopt::lm::Real>> parse(AsmParser &parser) {
    FailureOr<lmopt::lm::Real> value = FieldParser<lmopt::lm::Real>::parse(parser);
    if (failed(value))
      return failure();
    lmopt::lm::Real number = *value;
    return std::optional<lmopt::lm::Real>(number);
  }
};
} // namespace mlir

#endif // LMOPT_DIALECTS_LM_LMREAL_H
