// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What lm.top_linear computes: from MLIR to the plain function of Reference.h. Tested by test/dialects/lm/ranking.

#include "dialects/lm/interpreter/Frame.h"
#include "dialects/lm/ranking/Ranking.h"
#include "dialects/lm/ranking/Reference.h"

using namespace mlir;
using namespace lmopt::lm;

static FailureOr<RuntimeValues> topLinear(TopLinearOp op, Frame &frame) {
  FailureOr<reference::Weight> weight = frame.matrix(op, op.getWeightAttr());
  FailureOr<const float *> bias = frame.vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(reference::topLinear(frame.tensor(op.getInput()), *weight, *bias, op.getCount()));
}

void lmopt::lm::registerRankingMeanings(DialectRegistry &registry) { addMeanings<topLinear>(registry); }
