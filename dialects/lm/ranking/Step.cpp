// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The facts of lm.top_linear and of logits by classes: how they run and what they read. Tested by
// test/unit/dialects/StepTest.cpp.

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

Motion ClassLogitsOp::getMotion() { return Motion::Kernel; }
bool ClassLogitsOp::mixesRows() { return false; }
bool ClassLogitsOp::isBoundToToken() { return false; }
void ClassLogitsOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost ClassLogitsOp::getCost() { return {}; }

Motion TopClassLinearOp::getMotion() { return Motion::Kernel; }
bool TopClassLinearOp::mixesRows() { return false; }
bool TopClassLinearOp::isBoundToToken() { return false; }
void TopClassLinearOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getWeightAttr(), WeightUse::Role::Matrix);
  addUse(uses, getBiasAttr(), WeightUse::Role::Vector);
}

/// At the least: one class of the mean size. How many are opened depends on the numbers.
Cost TopClassLinearOp::getCost() {
  int64_t classes = getClasses().getSizes().size(), words = widthOf(getResult());
  return {2 * widthOf(getInput()) * (words / classes), 0, 1.0 / double(classes)};
}
