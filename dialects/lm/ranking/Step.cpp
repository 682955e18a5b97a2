// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The facts of lm.top_linear: how it runs and what it reads. Tested by test/unit/dialects/StepTest.cpp.

#include "dialects/lm/ranking/Ranking.h"

#include "dialects/lm/Verify.h"

#include <algorithm>

using namespace mlir;
using namespace lmopt::lm;

Motion TopLinearOp::getMotion() { return Motion::Kernel; }
bool TopLinearOp::mixesRows() { return false; }
bool TopLinearOp::isBoundToToken() { return false; }
void TopLinearOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getWeightAttr(), WeightUse::Role::Matrix);
  addUse(uses, getBiasAttr(), WeightUse::Role::Vector);
}

/// At the least: the rows of W whose results are wanted. What else a bound does not rule out depends on the numbers.
Cost TopLinearOp::getCost() {
  double share = double(getCount()) / double(widthOf(getResult()));
  return {2 * widthOf(getInput()) * int64_t(getCount()), 0, share};
}
