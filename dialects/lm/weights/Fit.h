// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What weights whose rounding is fitted to statistics share: the moments that #lm.fit names, as feedback. Inside this
// folder only. Tested by test/dialects/lm/weights*.mlir, test/passes/quantize-weights and test/passes/quantize-groups.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_FIT_H
#define LMOPT_DIALECTS_LM_WEIGHTS_FIT_H

#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/FittedRounding.h"
#include "dialects/lm/weights/Forms.h"

namespace lmopt::lm {

/// That the fit, if there is one, is of a matrix with as many columns as `form` has, as far as that is known.
mlir::LogicalResult expectFit(EmitError emitError, FitAttr fit, const WeightForm &form, llvm::StringRef constraint);

/// The moments of a matrix with `width` columns.
mlir::FailureOr<SquareMatrix> readFitMoments(Evaluation &evaluation, FitAttr fit, int64_t width);
/// The error when there is no answer for them.
mlir::LogicalResult refuseFit(Evaluation &evaluation, FitAttr fit);
/// The feedback of a matrix with `width` columns; `byMoments` as in Feedback::create.
mlir::FailureOr<Feedback> readFeedback(Evaluation &evaluation, FitAttr fit, int64_t width, bool byMoments);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_FIT_H
