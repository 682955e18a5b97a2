// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Second moments of the inputs of a linear as weights read them, and what those who are fitted to them share. Inside
// this folder only. Tested by test/passes/prune-ffn and test/passes/low-rank.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_MOMENTS_H
#define LMOPT_DIALECTS_LM_WEIGHTS_MOMENTS_H

#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/LeastSquares.h"

namespace lmopt::lm {

/// Of the inputs of a linear, over the text that they were measured on.
struct InputMoments {
  SquareMatrix centred{0};
  std::vector<double> mean;
  int64_t count = 0; ///< of the rows that `centred` is the sum of
};

/// An error names what the file has and what was expected.
mlir::FailureOr<InputMoments> readMoments(Evaluation &evaluation, StatisticsAttr statistics, int64_t width);

/// The error when there is no answer for such moments; without statistics the numbers of the weight are to blame.
mlir::LogicalResult refuseMoments(Evaluation &evaluation, StatisticsAttr statistics);

/// The bias, which may be null: then zeros. `user` is the weight that is made of it.
mlir::FailureOr<WeightData> readBiasOrZeros(Evaluation &evaluation, mlir::Attribute bias, int64_t size,
                                            mlir::Attribute user);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_MOMENTS_H
