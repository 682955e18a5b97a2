// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.low_rank_left: A of a matrix A B. Tested by test/dialects/lm/weights*.mlir and test/passes/low-rank.
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/LowRank.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult LowRankLeftAttr::verify(EmitError emitError, LowRankAttr source) {
  return expectMatrix(emitError, source);
}
WeightForm LowRankLeftAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  if (form.shape)
    form.shape->back() = getSource().getRank();
  return form;
}

FailureOr<WeightData> LowRankLeftAttr::evaluate(Evaluation &evaluation) const {
  std::shared_ptr<const FactoredWeight> factors = readFactors(evaluation, getSource());
  if (!factors)
    return failure();
  WeightData result;
  result.shape = {factors->rows, factors->rank};
  result.f32 = factors->left;
  return result;
}
