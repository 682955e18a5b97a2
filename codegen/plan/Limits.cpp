// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Limits.h.
#include "codegen/plan/Limits.h"

#include "codegen/RowSums.h"
#include "codegen/plan/FormSteps.h"

using namespace mlir;
using namespace lmopt;

LogicalResult plan::checkNorm(lm::RmsNormOp norm) {
  if (norm.getHeads() == 1 || canNormHeads(norm.getHeadWidth()))
    return success();
  return refuse(norm, "norms of heads of " + Twine(norm.getHeadWidth()) +
                          " numbers are not supported; use a multiple of " + Twine(kRowSumVector));
}

LogicalResult plan::checkPooling(lm::PoolOp pool) {
  int64_t width = pool.getInput().getType().getDimSize(2);
  if (pool.getKinds().size() == 1 || width % kRowSumVector == 0)
    return success();
  return refuse(pool, "several kinds of pooling of " + Twine(width) + " numbers are not supported; use a multiple of " +
                          Twine(kRowSumVector));
}
