// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What weights that are refitted to statistics share. Inside this folder only. Tested by test/passes/prune-ffn.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_REFIT_H
#define LMOPT_DIALECTS_LM_WEIGHTS_REFIT_H

#include "dialects/lm/weights/Moments.h"

namespace lmopt::lm {

/// What a refit begins with.
struct RefitSources {
  WeightData weight;
  InputMoments moments;
};
mlir::FailureOr<RefitSources> readRefitSources(Evaluation &evaluation, RefitColumnsAttr weight);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_REFIT_H
