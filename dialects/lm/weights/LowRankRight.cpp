// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.low_rank_right: B of a matrix A B. Tested by test/dialects/lm/weights*.mlir and test/passes/low-rank.
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/LowRank.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult LowRankRightAttr::verify(EmitError emitError, LowRankAttr source) {
  return expectMatrix(emitError, source);
}
WeightForm LowRankRightAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  if (form.shape)
    form.shape->front() = getSource().getRank();
  return form;
}

FailureOr<WeightData> LowRankRightAttr::evaluate(Evaluation &evaluation) const {
  std::shared_ptr<const FactoredWeight> factors = readFactors(evaluation, getSource());
  if (!factors)
    return failure();
  WeightData result;
  result.shape = {factors->rank, factors->width};
  result.f32 = factors->right;
  return result;
}
