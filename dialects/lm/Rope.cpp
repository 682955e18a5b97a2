// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotary positions as attributes: syntax of lists of numbers, verifiers, where the angles change with the length.
// Tested by test/dialects/lm/attributes*.mlir.

#include "dialects/lm/LmDialect.h"

using namespace mlir;
using namespace lmopt::lm;

FailureOr<SmallVector<Real>> lmopt::lm::parseReals(AsmParser &parser) {
  SmallVector<Real> reals;
  ParseResult result = parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&]() -> ParseResult {
    FailureOr<Real> real = FieldParser<Real>::parse(parser);
    if (failed(real))
      return failure();
    reals.push_back(*real);
    return success();
  });
  if (failed(result))
    return failure();
  return reals;
}

void lmopt::lm::printReals(AsmPrinter &printer, ArrayRef<Real> reals) {
  printer << '[';
  llvm::interleave(reals, [&](Real real) { printer << real; }, [&] { printer << ", "; });
  printer << ']';
}

//===- Rotary positions ------------------------------------------------------------------------------------------===//

static LogicalResult verifyLongropeFactors(function_ref<InFlightDiagnostic()> emitError, RopeScalingKind kind,
                                           ArrayRef<Real> shortFactors, ArrayRef<Real> longFactors) {
  if ((kind == RopeScalingKind::longrope) != !shortFactors.empty() || shortFactors.size() != longFactors.size())
    return emitError() << "C3: expected short_factors and long_factors of the same length with longrope and none with "
                          "the other kinds, but found "
                       << shortFactors.size() << " and " << longFactors.size() << " with " << stringifyEnum(kind);
  for (ArrayRef<Real> factors : {shortFactors, longFactors})
    for (Real factor : factors)
      if (!(factor > 0))
        return emitError() << "C3: expected positive longrope factors, but found " << double(factor);
  return success();
}

LogicalResult RopeScalingAttr::verify(function_ref<InFlightDiagnostic()> emitError, RopeScalingKind kind, Real factor,
                                      int64_t originalPositions, Real betaFast, Real betaSlow, Real lowFrequency,
                                      Real highFrequency, std::optional<Real> attentionFactor,
                                      ArrayRef<Real> shortFactors, ArrayRef<Real> longFactors) {
  if (!(factor >= 1))
    return emitError() << "C1: expected a factor of at least 1, but found " << double(factor);
  if (kind != RopeScalingKind::linear && originalPositions <= 1)
    return emitError() << "C2: " << stringifyEnum(kind) << " expects original_positions > 1, but found "
                       << originalPositions;
  if (failed(verifyLongropeFactors(emitError, kind, shortFactors, longFactors)))
    return failure();
  if (!(betaFast > betaSlow && betaSlow > 0))
    return emitError() << "C4: expected beta_fast > beta_slow > 0, but found " << double(betaFast) << " and "
                       << double(betaSlow);
  if (!(lowFrequency > 0 && highFrequency > lowFrequency))
    return emitError() << "C4: expected 0 < low_frequency < high_frequency, but found " << double(lowFrequency)
                       << " and " << double(highFrequency);
  if (attentionFactor && !(*attentionFactor > 0))
    return emitError() << "C4: expected a positive attention_factor, but found " << double(*attentionFactor);
  return success();
}

LogicalResult RopeAttr::verify(function_ref<InFlightDiagnostic()> emitError, Real base, int64_t dims, RopeLayout,
                               RopeScalingAttr scaling) {
  if (!(base > 1))
    return emitError() << "C1: expected a base > 1, but found " << double(base);
  if (dims <= 0 || dims % 2 != 0 || dims > 65536)
    return emitError() << "C2: expected an even number of dims from 2 to 65536, but found " << dims;
  if (scaling && scaling.getKind() == RopeScalingKind::longrope &&
      int64_t(scaling.getShortFactors().size()) != dims / 2)
    return emitError() << "C3: expected " << dims / 2 << " longrope factors, but found "
                       << scaling.getShortFactors().size();
  return success();
}

int64_t RopeAttr::getSwitchPositions() const {
  RopeScalingAttr scaling = getScaling();
  if (!scaling)
    return 0;
  bool twoLists =
      scaling.getKind() == RopeScalingKind::longrope && scaling.getShortFactors() != scaling.getLongFactors();
  return twoLists || scaling.getKind() == RopeScalingKind::dynamic ? scaling.getOriginalPositions() : 0;
}

//===- Exactness -------------------------------------------------------------------------------------------------===//
