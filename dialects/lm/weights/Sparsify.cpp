// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.sparsify: numbers set to zero. Tested by test/dialects/lm/weights*.mlir and test/passes/sparsify.
#include "dialects/lm/weights/Sparsity.h"

#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Fit.h"
#include "dialects/lm/weights/Forms.h"

#include <cmath>

using namespace mlir;
using namespace lmopt::lm;

static bool isWhole(double number) { return std::fabs(number - std::round(number)) < 1e-6; }

LogicalResult SparsifyAttr::verify(EmitError emitError, Attribute source, Real ratio, int64_t blockRows,
                                   int64_t blockColumns, int64_t group, FitAttr fit) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  if (failed(form))
    return failure();
  if (!(ratio.value > 0 && ratio.value < 1))
    return emitError() << "C2: expected a ratio above 0 and below 1, but found " << ratio.value;
  if (blockRows < 1 || blockRows > 65536 || blockColumns < 1 || blockColumns > 65536)
    return emitError() << "C3: expected blocks of 1 to 65536 outputs and inputs, but found " << blockRows << 'x'
                       << blockColumns;
  bool divides = !form->shape || group < 2 || form->shape->back() % group == 0;
  if (group != 0 && (group < 2 || group > 256 || !divides || !isWhole(ratio.value * double(group)) ||
                     std::llround(ratio.value * double(group)) == 0))
    return emitError() << "C4: expected groups of 2 to 256 inputs that divide the columns and whose ratio is a whole "
                          "number, but found groups of "
                       << group << " and a ratio of " << ratio.value;
  if (group != 0 && (blockRows != 1 || blockColumns != 1))
    return emitError() << "C5: expected blocks of one number in groups, but found " << blockRows << 'x' << blockColumns;
  return expectFit(emitError, fit, *form, "C6");
}

WeightForm SparsifyAttr::getForm() const { return deriveForm(getSource()); }

/// `source` with zeros and what makes up for them.
static FailureOr<WeightData> sparsifyFitted(Evaluation &evaluation, FitAttr fit, const Sparsity &sparsity,
                                            WeightData source) {
  FailureOr<SquareMatrix> moments = readFitMoments(evaluation, fit, source.columns());
  if (failed(moments))
    return failure();
  double damping = fit.getDamping().value;
  std::optional<Feedback> feedback = Feedback::create(*moments, damping, /*byMoments=*/false);
  if (!feedback || !zeroFitted(source.f32.data(), source.rows(), sparsity, *feedback, *moments, damping))
    return refuseFit(evaluation, fit);
  return source;
}

FailureOr<WeightData> SparsifyAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> source = evaluation.readF32(getSource(), 2, 2, *this);
  if (failed(source))
    return failure();
  if (llvm::any_of(source->f32, [](float x) { return !std::isfinite(x); }))
    return evaluation.error() << "it holds a number that is not finite; the checkpoint is damaged";
  if (getGroup() != 0 && source->columns() % getGroup() != 0)
    return evaluation.error() << "groups of " << getGroup() << " do not divide the " << source->columns() << " columns";
  Sparsity sparsity = {getRatio().value, getBlockRows(), getBlockColumns(), getGroup()};
  if (getFit())
    return sparsifyFitted(evaluation, getFit(), sparsity, std::move(*source));
  zeroLeast(source->f32.data(), source->rows(), source->columns(), sparsity);
  return source;
}
