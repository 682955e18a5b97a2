// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What weights that are refitted to statistics share. Inside this folder, but for readMoments, which passes use, too:
// they choose by the same numbers that the weights are computed from. Tested by test/passes/prune-ffn.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_REFIT_H
#define LMOPT_DIALECTS_LM_WEIGHTS_REFIT_H

#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/LeastSquares.h"

namespace lmopt::lm {

/// Of the inputs of a linear, over the text that they were measured on.
struct InputMoments {
  SquareMatrix centred;
  std::vector<double> mean;
};

/// What a refit begins with.
struct RefitSources {
  WeightData weight;
  InputMoments moments;
};
mlir::FailureOr<RefitSources> readRefitSources(Evaluation &evaluation, RefitColumnsAttr weight);

/// The error when least squares has no answer.
mlir::LogicalResult refuseMoments(Evaluation &evaluation, RefitColumnsAttr weight);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_REFIT_H
