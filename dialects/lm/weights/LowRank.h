// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the weights that are made of one matrix of low rank share: its factors, computed once for all of them. Inside
// this folder only. Tested by test/passes/low-rank.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_LOWRANK_H
#define LMOPT_DIALECTS_LM_WEIGHTS_LOWRANK_H

#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/LowRankFactors.h"

namespace lmopt::lm {

struct FactoredWeight {
  int64_t rows, width, rank;
  std::vector<float> left, right;
  std::vector<double> lostMean; ///< (W - A B) mean, with `whitened`; else empty
};

/// Null after an error has been told.
std::shared_ptr<const FactoredWeight> readFactors(Evaluation &evaluation, LowRankAttr weight);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_LOWRANK_H
